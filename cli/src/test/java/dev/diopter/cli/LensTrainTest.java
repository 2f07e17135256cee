package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code lens train} and {@code lens eval} from the command line. */
class LensTrainTest {
  @TempDir Path folder;

  @Test
  void train_thenEval_tunedLensIsNearerAtEveryLayer() throws Exception {
    String lens = folder.resolve("lens").toString();
    JsonNode trained =
        Cli.run(
                "lens",
                "train",
                "demo-llama",
                "--data",
                texts("train"),
                "-o",
                lens,
                "--max-length",
                "96",
                "--start",
                "ridge",
                "--ridge-tokens",
                "20000",
                "--steps",
                "4",
                "--tokens-per-step",
                "960",
                "--checkpoint-every",
                "2",
                "--json")
            .isDone()
            .json();
    assertThat(trained.get("tokens").asInt()).isEqualTo(3840);
    assertThat(trained.get("losses")).hasSize(6);
    for (String file :
        new String[] {
          "config.json",
          "params.pt",
          "params.safetensors",
          "log.csv",
          "checkpoints/snapshot_2.safetensors",
          "checkpoints/snapshot_4.safetensors"
        }) {
      assertThat(folder.resolve("lens").resolve(file)).isRegularFile();
    }
    String metrics = folder.resolve("metrics").toString();
    JsonNode measured =
        Cli.run(
                "lens",
                "eval",
                "demo-llama",
                "--data",
                texts("held-out"),
                "--max-length",
                "96",
                "--tokens",
                "2000",
                "--lens",
                lens,
                "-o",
                metrics,
                "--json")
            .isDone()
            .json();
    assertThat(measured.get("tokens").asInt()).isEqualTo(20 * 96);
    JsonNode logit = measured.get("lenses").get(0).get("layers");
    JsonNode tuned = measured.get("lenses").get(1).get("layers");
    for (int layer = 0; layer < 6; layer++) {
      assertThat(kl(tuned, layer)).isLessThan(kl(logit, layer));
    }
    assertThat(Files.readString(Path.of(metrics, "aggregate_metrics.json")))
        .contains("\"baseline\"", "\"layer_5\"", "\"tuned\"");
    assertThat(Path.of(metrics, "logit_stats.json")).isRegularFile();
    assertThat(Path.of(metrics, "batches.jsonl")).isRegularFile();
    String[] onward = {
      "lens",
      "train",
      "demo-llama",
      "--data",
      texts("train"),
      "--max-length",
      "96",
      "-b",
      "10",
      "-o",
      folder + "/on",
      "--steps",
      "1",
      "--tokens-per-step",
      "960",
      "--start",
      lens
    };
    JsonNode on = Cli.run(with(onward, "--json")).isDone().json();
    assertThat(on.get("start").asString()).isEqualTo("lens");
    assertThat(on.get("losses").get(0).asDouble()).isLessThan(5); // The logit lens has 15.97.
    fails(2, "to start from of 6 layers of width", with(onward, "--site", "resid_mid"));
    onward[2] = "demo-gpt2";
    fails(1, "the lens belongs to", onward);
    fails(
        1,
        "the lens belongs to",
        "lens",
        "eval",
        "demo-gpt2",
        "--data",
        texts("held-out"),
        "--max-length",
        "96",
        "--lens",
        lens);
  }

  @Test
  void train_fromABundledLensAnotherModelsOrACheckpoint_startsThere() throws Exception {
    String[] start = {"--checkpoint-every", "1", "--start", "tuned"};
    double loss = loss(with(small("demo-gpt2", "tuned", "32"), start));
    assertThat(loss).isLessThan(5); // The logit lens has 16.47.
    String checkpoint = folder + "/tuned/checkpoints/snapshot_1.safetensors";
    double onward = loss(with(small("demo-gpt2", "on", "32"), "--start", checkpoint));
    assertThat(onward).isLessThan(5);
    String[] other = with(small("demo-llama", "other", "32"), "--start", folder + "/tuned");
    fails(1, "use a lens of this model, or --any-model", other);
    assertThat(Cli.run(with(other, "--any-model")).isDone().err()).contains("another model");
    fails(
        2,
        "--any-model: expected --start with a lens",
        with(small("demo-gpt2", "x", "32"), "--any-model"));
    fails(2, "chunk_length 64, found 32", with(small("demo-gpt2", "tuned", "64"), start));
  }

  @Test
  void train_parametersWithoutEnd_leaveTheLensThatWasThere() throws Exception {
    String[] good = small("demo-gpt2", "lens", "32");
    Cli.run(good).isDone();
    byte[] before = Files.readAllBytes(folder.resolve("lens/params.pt"));
    byte[] log = Files.readAllBytes(folder.resolve("lens/log.csv"));
    fails(
        1,
        "are no numbers any more in step 1: lower the learning rate",
        with(good, "--lr-scale", "1e40"));
    assertThat(Files.readAllBytes(folder.resolve("lens/params.pt"))).isEqualTo(before);
    assertThat(Files.readAllBytes(folder.resolve("lens/log.csv"))).isEqualTo(log);
  }

  @Test
  void trainAndEval_shiftOrTokensThatLeaveNothing_areRefused() throws Exception {
    for (String shift : new String[] {"32", "40"}) {
      fails(
          2,
          "expected fewer than the 32 positions of a chunk, got " + shift,
          with(small("demo-gpt2", "x", "32"), "--token-shift", shift));
    }
    String[] eval = {"lens", "eval", "demo-gpt2", "--data", texts("held-out")};
    String[] short32 = with(eval, "--max-length", "32");
    fails(2, "expected fewer than the 32 positions", with(short32, "--token-shift", "40"));
    fails(2, "at least the 32 of one chunk, got 5", with(short32, "--tokens", "5"));
  }

  /** A training of one small step. */
  private String[] small(String model, String to, String length) {
    return new String[] {
      "lens",
      "train",
      model,
      "--data",
      texts("train"),
      "-o",
      folder.resolve(to).toString(),
      "--max-length",
      length,
      "--steps",
      "1",
      "--tokens-per-step",
      "256"
    };
  }

  private static double loss(String... words) throws Exception {
    return Cli.run(with(words, "--json")).isDone().json().get("losses").get(0).asDouble();
  }

  private static String[] with(String[] first, String... more) {
    String[] all = Arrays.copyOf(first, first.length + more.length);
    System.arraycopy(more, 0, all, first.length, more.length);
    return all;
  }

  @Test
  void train_wrongUsage_isSaid() throws Exception {
    String lens = folder.resolve("lens").toString();
    fails(
        2,
        "--start: expected identity, ridge, tuned or a folder with a lens, got 'rigde'",
        "lens",
        "train",
        "demo-gpt2",
        "--data",
        texts("held-out"),
        "-o",
        lens,
        "--start",
        "rigde");
    fails(
        2,
        "expected sgd, adam or muon, got 'lion'",
        "lens",
        "train",
        "demo-gpt2",
        "--data",
        texts("held-out"),
        "-o",
        lens,
        "--optimizer",
        "lion");
    fails(
        1, "can only take", "lens", "train", "demo-gpt2", "--data", texts("held-out"), "-o", lens);
    fails(2, "--lens DIR", "lens", "eval", "demo-gpt2", "--data", texts("held-out"), "--no-logit");
  }

  private static void fails(int code, String says, String... words) {
    Cli.Ran ran = Cli.run(words);
    assertThat(ran.code()).as(ran.err()).isEqualTo(code);
    assertThat(ran.err()).contains(says).doesNotContain("bug in diopter");
  }

  private static double kl(JsonNode layers, int layer) {
    return layers.get(layer).get("kl").get("nats").asDouble();
  }

  private static String texts(String name) {
    return Cli.root().resolve("fixtures/lens-texts/" + name + ".jsonl").toString();
  }
}
