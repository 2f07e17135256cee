package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.formats.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * A real language model of 135 million parameters against Hugging Face transformers. Made by
 * fixtures/real-model/smollm2.py; skipped where the folder is absent, required where {@code
 * DIOPTER_CI} is set.
 */
class RealModelTest {
  private static Model model;
  private static JsonNode cases;

  @BeforeAll
  static void open() {
    Path folder = Path.of(System.getProperty("diopter.realModel"));
    boolean present = Files.exists(folder.resolve("model.safetensors"));
    if (System.getenv("DIOPTER_CI") != null) {
      assertThat(present).as("the real model is required here: %s", folder).isTrue();
    }
    Assumptions.assumeTrue(
        present,
        "no real model in " + folder + ": python3 fixtures/real-model/smollm2.py makes it");
    model = Model.open(folder.toString());
    cases = Json.read(TestModels.root().resolve("fixtures/real-model/expected.json")).get("cases");
  }

  @AfterAll
  static void close() {
    if (model != null) {
      model.close();
    }
  }

  private static void eachCase(Consumer<JsonNode> check) {
    assertThat(cases.size()).isEqualTo(3);
    cases.forEach(check);
  }

  private static int[] ints(JsonNode list) {
    return IntStream.range(0, list.size()).map(i -> list.get(i).intValue()).toArray();
  }

  private static Prompt prompt(JsonNode one) {
    return Prompt.ofIds(ints(one.get("ids")));
  }

  @Test
  void prompt_text_givesTheSameIds() {
    eachCase(one ->
        assertThat(model.prompt(one.get("prompt").stringValue()).ids())
            .isEqualTo(ints(one.get("ids"))));
  }

  @Test
  void run_prompt_givesTheSameTopTokensAndLoss() {
    eachCase(one -> {
      RunResult run = model.run(RunRequest.of(prompt(one)).withLoss()).getFirst();
      float[] logits = run.lastLogits();
      int[] top = LogProbabilities.top(logits, 10);
      double[] probabilities = LogProbabilities.probabilities(logits);
      for (int i = 0; i < 10; i++) {
        JsonNode wanted = one.get("top").get(i);
        assertThat(top[i]).isEqualTo(wanted.get("id").intValue());
        assertThat(model.tokenizer().label(top[i])).isEqualTo(wanted.get("token").stringValue());
        assertThat((double) logits[top[i]])
            .isCloseTo(wanted.get("logit").doubleValue(), within(5e-4));
        assertThat(probabilities[top[i]])
            .isCloseTo(wanted.get("probability").doubleValue(), within(5e-4));
      }
      assertThat(run.lossNats()).isCloseTo(one.get("loss_nats").doubleValue(), within(1e-4));
    });
  }

  @Test
  void generate_greedy_givesTheSameText() {
    eachCase(one -> {
      int[] wanted = ints(one.get("greedy"));
      GenerationResult out =
          model.generate(prompt(one), GenerationOptions.greedy(wanted.length).ignoringEos());
      assertThat(out.ids()).isEqualTo(wanted);
      assertThat(model.tokenizer().decode(out.ids()))
          .isEqualTo(one.get("greedy_text").stringValue());
    });
  }

  @Test
  void run_everyResidual_givesTheSameNormsLensAndPattern() {
    eachCase(one -> {
      Selection last = Selection.ALL.positions(-1);
      RunResult run =
          model.run(
              prompt(one),
              HookPlan.builder()
                  .read("blocks.*.hook_resid_pre", last)
                  .read("blocks.7.attn.hook_pattern", last.heads(3))
                  .build());
      JsonNode norms = one.get("resid_pre_norm_last_position");
      JsonNode lens = one.get("logit_lens_top1_resid_pre_last_position");
      assertThat(norms.size()).isEqualTo(model.config().layers());
      for (int l = 0; l < norms.size(); l++) {
        float[] residual = run.activation("blocks.%d.hook_resid_pre".formatted(l)).values();
        double wanted = norms.get(l).doubleValue();
        assertThat(norm(residual)).isCloseTo(wanted, within(1e-4 + 2e-6 * wanted));
        RunResult read =
            model
                .run(
                    RunRequest.of(Prompt.ofIds(0))
                        .startAt(model.config().layers(), List.of(residual)))
                .getFirst();
        int top = LogProbabilities.top(read.lastLogits(), 1)[0];
        assertThat(model.tokenizer().label(top)).isEqualTo(lens.get(l).stringValue());
      }
      JsonNode pattern = one.get("pattern_layer_7_last_query_head_3");
      float[] row = run.activation("blocks.7.attn.hook_pattern").values();
      assertThat(row).hasSize(pattern.size());
      for (int k = 0; k < row.length; k++) {
        assertThat((double) row[k]).isCloseTo(pattern.get(k).doubleValue(), within(5e-6));
      }
    });
  }

  private static double norm(float[] x) {
    double sum = 0;
    for (float v : x) {
      sum += (double) v * v;
    }
    return Math.sqrt(sum);
  }
}
