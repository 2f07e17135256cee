package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.formats.Npz;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code --process} from the command line. */
class ProcessOptionTest {
  private static final String ALL =
      "[\"fold_ln\",\"center_writing_weights\",\"center_unembed\",\"fold_value_biases\"]";

  @TempDir Path folder;

  @Test
  void run_processed_saysSoAndPredictsTheSame() {
    String[] plain = {"run", "demo-gpt2", "--ids", "0,300,17,512", "--json"};
    JsonNode raw = Cli.run(plain).isClean().json();
    assertThat(raw.path("processing").toString()).isEqualTo("[]");
    JsonNode all = Cli.run(with(plain, "all")).isClean().json();
    assertThat(all.path("processing").toString()).isEqualTo(ALL);
    assertThat(all.path("loss_nats").doubleValue())
        .isCloseTo(raw.path("loss_nats").doubleValue(), within(1e-5));
    JsonNode before = raw.path("top").get(0);
    JsonNode after = all.path("top").get(0);
    assertThat(after.path("id").intValue()).isEqualTo(before.path("id").intValue());
    assertThat(after.path("probability").doubleValue())
        .isCloseTo(before.path("probability").doubleValue(), within(1e-5));
    assertThat(after.path("logit").doubleValue()).isNotEqualTo(before.path("logit").doubleValue());
    Cli.Ran page = Cli.run("run", "demo-gpt2", "--ids", "0,1", "--process", "fold_ln").isClean();
    assertThat(page.out().lines().findFirst().orElseThrow()).endsWith(", processed: fold_ln");
  }

  private static String[] with(String[] arguments, String steps) {
    String[] more = java.util.Arrays.copyOf(arguments, arguments.length + 2);
    more[arguments.length] = "--process";
    more[arguments.length + 1] = steps;
    return more;
  }

  @Test
  void run_stepThatChangesNothing_isLeftOutWithANote() {
    Cli.Ran ran =
        Cli.run(
                "run",
                "demo-llama",
                "--ids",
                "0,1",
                "--process",
                "center_unembed, center_writing_weights",
                "--json")
            .isDone();
    assertThat(ran.json().path("processing").toString()).isEqualTo("[\"center_unembed\"]");
    assertThat(ran.err())
        .isEqualTo("note: center_writing_weights: nothing to change in this model, left out\n");
  }

  @Test
  void run_unknownStep_isWrongUsage() {
    String[] plain = {"run", "no-such-model", "--ids", "0"};
    assertThat(Cli.run(with(plain, "fold_lm")).failed(2).err())
        .contains("--process: expected some of fold_ln,", "got 'fold_lm'; nearest: fold_ln");
    assertThat(Cli.run(with(plain, "refactor_factored_attn_matrices")).failed(2).err())
        .contains("is not supported");
    assertThat(Cli.run(with(plain, "all,fold_ln")).failed(2).err()).contains("got 'all'");
  }

  @Test
  void modelsInfo_processed_saysWhatItIs() {
    JsonNode info = Cli.run("models", "info", "demo-gpt2", "--process", "all", "--json").json();
    assertThat(info.path("processing").toString()).isEqualTo(ALL);
    assertThat(info.path("tied_head").booleanValue()).isFalse();
    assertThat(info.path("dtype").stringValue()).isEqualTo("F16");
    assertThat(Cli.run("models", "info", "demo-gpt2", "--process", "fold_ln").isClean().out())
        .containsPattern("processing +fold_ln");
  }

  @Test
  void cache_processed_carriesItsSteps() {
    Path file = folder.resolve("a.npz");
    String[] plain = {
      "cache", "demo-gpt2", "--ids", "0,1", "--hooks", "hook_embed", "--out", file.toString()
    };
    Cli.run(with(plain, "center_writing_weights")).isDone();
    try (Npz npz = Npz.open(file)) {
      assertThat(npz.read("processing").strings()).containsExactly("center_writing_weights");
      double sum = 0;
      float[] embed = npz.read("hook_embed").floats();
      for (int i = 0; i < 128; i++) {
        sum += embed[i];
      }
      assertThat(sum).isCloseTo(0, within(1e-5));
    }
    Cli.run(plain).isDone();
    try (Npz npz = Npz.open(file)) {
      assertThat(npz.names()).containsExactly("hook_embed");
    }
  }

  @Test
  void patch_processed_attributesTheSameDifferences() {
    String[] plain = {
      "patch",
      "demo-gpt2",
      "--clean-ids",
      "0,300,17,512",
      "--corrupt-ids",
      "0,300,18,512",
      "--answer-id",
      "64",
      "--wrong-id",
      "70",
      "--sites",
      "resid_pre",
      "--attribution",
      "--json"
    };
    JsonNode raw = Cli.run(plain).isDone().json();
    JsonNode all = Cli.run(with(plain, "all")).isDone().json();
    assertThat(all.path("processing").toString()).isEqualTo(ALL);
    assertThat(all.path("clean_logit_diff").doubleValue())
        .isCloseTo(raw.path("clean_logit_diff").doubleValue(), within(1e-4));
    JsonNode before = raw.path("attribution").path("components");
    JsonNode after = all.path("attribution").path("components");
    assertThat(after).hasSize(before.size()).isNotEmpty();
    double total = all.path("attribution").path("bias").doubleValue();
    for (int c = 0; c < before.size(); c++) {
      assertThat(after.get(c).path("clean").doubleValue())
          .as(before.get(c).toString())
          .isCloseTo(before.get(c).path("clean").doubleValue(), within(1e-4));
      total += after.get(c).path("clean").doubleValue();
    }
    assertThat(total).isCloseTo(all.path("clean_logit_diff").doubleValue(), within(1e-4));
  }

  @Test
  void lens_ofProcessedWeights_isReadWithTheSameAlone() {
    String lens = folder.resolve("lens").toString();
    String texts = Cli.root().resolve("fixtures/lens-texts/held-out.jsonl").toString();
    String[] train = {
      "lens",
      "train",
      "demo-gpt2",
      "--data",
      texts,
      "-o",
      lens,
      "--max-length",
      "96",
      "--start",
      "ridge",
      "--ridge-tokens",
      "960",
      "--steps",
      "0",
      "--json"
    };
    JsonNode trained = Cli.run(with(train, "center_writing_weights")).isDone().json();
    assertThat(trained.path("processing").toString()).isEqualTo("[\"center_writing_weights\"]");
    String[] show = {"lens", "show", "demo-gpt2", "--ids", "0,300,17", "--lens", lens, "--json"};
    assertThat(Cli.run(show).failed(1).err())
        .contains("the lens is for center_writing_weights", "run with weights as they are");
    assertThat(Cli.run(with(show, "all")).failed(1).err()).contains("run with fold_ln, center_");
    JsonNode shown = Cli.run(with(show, "center_writing_weights")).isDone().json();
    assertThat(shown.path("processing").get(0).stringValue()).isEqualTo("center_writing_weights");
    String[] eval = {
      "lens",
      "eval",
      "demo-gpt2",
      "--data",
      texts,
      "--lens",
      lens,
      "--tokens",
      "96",
      "--max-length",
      "96",
      "--json"
    };
    assertThat(Cli.run(eval).failed(1).err()).contains("the lens is for center_writing_weights");
    JsonNode measured = Cli.run(with(eval, "center_writing_weights")).isDone().json();
    assertThat(measured.path("processing").get(0).stringValue())
        .isEqualTo("center_writing_weights");
  }
}
