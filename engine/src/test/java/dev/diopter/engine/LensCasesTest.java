package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Json;
import dev.diopter.formats.Npz;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** What TransformerLens computes on the demo models, see fixtures/lens-cases. */
class LensCasesTest {
  private static final double BOUND = 2e-5;

  /** The backend under test. */
  String backend() {
    return "cpu";
  }

  /** Every which cell of a sweep is run. */
  int sweepStep() {
    return 1;
  }

  private static Path file(String model, String name) {
    return TestModels.root().resolve("fixtures/lens-cases").resolve(model).resolve(name);
  }

  private static int[] ids(JsonNode list) {
    return IntStream.range(0, list.size()).map(i -> list.get(i).intValue()).toArray();
  }

  private static void assertClose(String what, double actual, double expected, double scale) {
    assertThat(Math.abs(actual - expected))
        .as("%s: expected %s, got %s", what, expected, actual)
        .isLessThanOrEqualTo(BOUND * Math.max(1, scale));
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void run_cleanAndCorruptPrompts_giveTransformerLensLogitDifferences(String name) {
    JsonNode expected = Json.read(file(name, "activation-patching.json"));
    try (Model model = TestModels.open(name, backend(), 2)) {
      int answer = expected.get("answer_id").intValue();
      int wrong = expected.get("wrong_id").intValue();
      assertThat(model.tokenizer().singleToken(expected.get("answer").stringValue()))
          .isEqualTo(answer);
      assertThat(model.tokenizer().singleToken(expected.get("wrong").stringValue()))
          .isEqualTo(wrong);
      for (String which : List.of("clean", "corrupt")) {
        Prompt prompt = model.prompt(expected.get(which).stringValue(), PromptOptions.BOS);
        assertThat(prompt.ids()).isEqualTo(ids(expected.get(which + "_ids")));
        float[] logits = model.run(prompt).lastLogits();
        double difference = (double) logits[answer] - logits[wrong];
        double wanted = expected.get(which + "_logit_diff").doubleValue();
        assertClose(which, difference, wanted, Math.abs(wanted));
      }
    }
  }

  /** The sweeps that single edits make: one run for each cell, clean into corrupt. */
  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void run_patchedRuns_giveTransformerLensSweeps(String name) {
    JsonNode expected = Json.read(file(name, "activation-patching.json"));
    try (Model model = TestModels.open(name, backend(), 2)) {
      Patching patching = new Patching(model, expected);
      for (String site : List.of("resid_pre", "resid_mid", "attn_out", "mlp_out")) {
        JsonNode sweep = expected.get(site);
        for (int l = 0; l < model.config().layers(); l++) {
          for (int p = l % sweepStep(); p < sweep.get(l).size(); p += sweepStep()) {
            String hook = "blocks.%d.hook_%s".formatted(l, site);
            double got = patching.patched(hook, Selection.ALL.positions(p));
            assertClose(hook + " at " + p, got, sweep.get(l).get(p).doubleValue(), 1);
          }
        }
      }
      List<String[]> heads = new ArrayList<>();
      heads.add(new String[] {"attn_head_out_all_pos", "z"});
      heads.add(new String[] {"attn_head_pattern_all_pos", "pattern"});
      heads.add(new String[] {"attn_head_q_all_pos", "q"});
      if (model.config().keyValueHeads() == model.config().heads()) {
        heads.add(new String[] {"attn_head_k_all_pos", "k"});
        heads.add(new String[] {"attn_head_v_all_pos", "v"});
      }
      for (String[] pair : heads) {
        JsonNode sweep = expected.get(pair[0]);
        for (int l = 0; l < model.config().layers(); l++) {
          for (int h = l % sweepStep(); h < sweep.get(l).size(); h += sweepStep()) {
            String hook = "blocks.%d.attn.hook_%s".formatted(l, pair[1]);
            double got = patching.patched(hook, Selection.ALL.heads(h));
            assertClose(hook + " head " + h, got, sweep.get(l).get(h).doubleValue(), 1);
          }
        }
      }
    }
  }

  /** Clean values put into the corrupt run. */
  private static final class Patching {
    final Model model;
    final Prompt corrupt;
    final RunResult clean;
    final int answer;
    final int wrong;
    final double cleanDifference;
    final double corruptDifference;

    Patching(Model model, JsonNode expected) {
      this.model = model;
      this.corrupt = Prompt.ofIds(ids(expected.get("corrupt_ids")));
      this.answer = expected.get("answer_id").intValue();
      this.wrong = expected.get("wrong_id").intValue();
      this.clean =
          model.run(
              Prompt.ofIds(ids(expected.get("clean_ids"))), HookPlan.builder().read("*").build());
      this.cleanDifference = difference(clean.lastLogits());
      this.corruptDifference = difference(model.run(corrupt).lastLogits());
    }

    private double difference(float[] logits) {
      return (double) logits[answer] - logits[wrong];
    }

    double patched(String hook, Selection where) {
      float[] source = clean.activation(hook).values();
      int[] shape = clean.activation(hook).shape();
      EditFunction copy =
          view -> {
            int at = 0;
            int inner = shape[2 % shape.length];
            for (int a : shape.length == 2 ? view.positions() : first(view)) {
              for (int b : shape.length == 2 ? new int[] {0} : second(view)) {
                int from = shape.length == 2 ? a * shape[1] : (a * shape[1] + b) * shape[2];
                int n = shape.length == 2 ? shape[1] : inner;
                System.arraycopy(source, from, view.values(), at, n);
                at += n;
              }
            }
          };
      HookPlan plan = HookPlan.builder().edit(hook, where, new Operation.Function(copy)).build();
      double difference = difference(model.run(corrupt, plan).lastLogits());
      return (difference - corruptDifference) / (cleanDifference - corruptDifference);
    }

    private static int[] first(EditView view) {
      return view.point().site().overKeys() ? view.heads() : view.positions();
    }

    private static int[] second(EditView view) {
      return view.point().site().overKeys() ? view.positions() : view.heads();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void run_residualsOfTheLastPosition_areTransformerLensDecompositions(String name) {
    try (Model model = TestModels.open(name, backend(), 2);
        Npz file = Npz.open(file(name, "decompositions.npz"))) {
      int[] ids = file.read("ids").ints();
      int layers = model.config().layers();
      RunResult run = model.run(Prompt.ofIds(ids), HookPlan.builder().read("*").build());
      List<String> accumulated = new ArrayList<>();
      for (int l = 0; l < layers; l++) {
        accumulated.add("blocks.%d.hook_resid_pre".formatted(l));
        accumulated.add("blocks.%d.hook_resid_mid".formatted(l));
      }
      accumulated.add("blocks.%d.hook_resid_post".formatted(layers - 1));
      assertRows(run, accumulated, file.read("accumulated").floats());
      List<String> decomposed =
          file.read("decomposed_labels").strings().stream()
              .map(LensCasesTest::hookOfLabel)
              .toList();
      assertThat(decomposed).hasSize(2 * layers + (name.equals("demo-gpt2") ? 2 : 1));
      assertRows(run, decomposed, file.read("decomposed").floats());
    }
  }

  private static String hookOfLabel(String label) {
    int bar = label.indexOf('_');
    return Character.isDigit(label.charAt(0))
        ? "blocks.%s.hook_%s".formatted(label.substring(0, bar), label.substring(bar + 1))
        : "hook_" + label;
  }

  private static void assertRows(RunResult run, List<String> hooks, float[] expected) {
    int width = expected.length / hooks.size();
    for (int r = 0; r < hooks.size(); r++) {
      Activation value = run.activation(hooks.get(r));
      double scale = 0;
      for (int i = 0; i < width; i++) {
        scale = Math.max(scale, Math.abs(expected[r * width + i]));
      }
      for (int i = 0; i < width; i++) {
        assertClose(hooks.get(r), value.get(-1, i), expected[r * width + i], scale);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void run_patternsOfARepeatedSequence_giveTransformerLensHeadScores(String name) {
    JsonNode expected = Json.read(file(name, "head-scores.json"));
    try (Model model = TestModels.open(name, backend(), 2)) {
      RunResult run =
          model.run(
              Prompt.ofIds(ids(expected.get("ids"))),
              HookPlan.builder().read("blocks.*.attn.hook_pattern").build());
      List<Integer> offsets = List.of(1, 40, 39);
      List<String> names = List.of("previous", "duplicate", "induction");
      for (int l = 0; l < model.config().layers(); l++) {
        Activation pattern = run.activation("blocks.%d.attn.hook_pattern".formatted(l));
        for (int h = 0; h < model.config().heads(); h++) {
          for (int k = 0; k < 3; k++) {
            double sum = 0;
            int cells = 0;
            for (int q = offsets.get(k); q < pattern.shape()[1]; q++, cells++) {
              sum += pattern.get(h, q, q - offsets.get(k));
            }
            double wanted = expected.get(names.get(k)).get(l).get(h).doubleValue();
            assertClose("L%dH%d %s".formatted(l, h, names.get(k)), sum / cells, wanted, 1);
          }
        }
      }
    }
  }
}
