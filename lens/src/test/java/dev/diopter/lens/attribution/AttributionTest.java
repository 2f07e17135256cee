package dev.diopter.lens.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.Selection;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Npz;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AttributionTest {
  private static final Path ROOT = Path.of(System.getProperty("diopter.root"));
  private static final long SEED = Long.getLong("diopter.seed", 20261124);

  private static String folder(String name) {
    Path fixture = ROOT.resolve("fixtures").resolve(name);
    return Files.isDirectory(fixture) ? fixture.toString() : name;
  }

  private static Model open(String name) {
    return Model.open(folder(name), new ModelOptions("cpu", 1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void stacks_transformerLensCases_areItsRowsAndLabels(String name) {
    Path file = ROOT.resolve("fixtures/lens-cases").resolve(name).resolve("decompositions.npz");
    try (Model model = open(name);
        Npz npz = Npz.open(file)) {
      Prompt prompt = Prompt.ofIds(npz.read("ids").ints());
      ResidualParts parts = ResidualParts.of(model, prompt, HookPlan.NONE, -1);
      int layers = model.config().layers();
      ResidualStack accumulated = parts.accumulated(layers, true, false);
      assertThat(accumulated.labels()).isEqualTo(npz.read("accumulated_labels").strings());
      assertClose(accumulated.values(), npz.read("accumulated").floats());
      ResidualStack decomposed = parts.decomposed();
      assertThat(decomposed.labels()).isEqualTo(npz.read("decomposed_labels").strings());
      assertClose(decomposed.values(), npz.read("decomposed").floats());
    }
  }

  private static void assertClose(float[] actual, float[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual[i])
          .as("%d", i)
          .isCloseTo(
              expected[i], within((float) (1e-5 * Math.max(1, Math.abs(expected[i])) + 2e-5)));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"gpt2-tiny", "llama-gqa", "gpt2-odd-f16", "llama-sharded-bf16", "demo-gpt2"})
  void sums_everyDecomposition_areTheStreamAndTheLogits(String name) {
    System.out.println("seed " + SEED + " for " + name);
    Random random = new Random(SEED);
    try (Model model = open(name);
        OpenModel stored = ModelStore.system().open(folder(name))) {
      DecoderConfig config = model.config();
      int vocabulary = config.vocabulary();
      Prompt prompt = Prompt.ofIds(random.ints(6, 0, vocabulary).toArray());
      HookPlan edit =
          HookPlan.builder().scale("blocks.0.hook_mlp_out", Selection.ALL.positions(2), 3).build();
      // Neurons times weights are what the MLP puts out only where that is not edited.
      for (HookPlan plan : List.of(HookPlan.NONE, edit)) {
        ResidualParts parts = ResidualParts.of(model, prompt, plan, 1, -2, -1);
        BlockWeights weights = new BlockWeights(stored);
        boolean small = plan.isEmpty() && config.mlpWidth() < 100;
        for (int layer = 0; layer <= config.layers(); layer++) {
          float[] stream = parts.residual(layer);
          assertSum(parts.decomposed(layer, ResidualParts.Mode.ALL, false, true), stream);
          assertSum(parts.heads(layer, true), stream);
          assertSum(parts.full(layer, small, weights), stream);
          assertThat(parts.accumulated(layer, false, false).labels()).hasSize(layer + 1);
        }
        int answer = random.nextInt(vocabulary);
        int wrong = random.nextInt(vocabulary);
        LogitDirection direction = LogitDirection.of(stored, answer, wrong);
        LogitDirection alone = LogitDirection.of(stored, answer);
        for (ResidualStack stack :
            List.of(
                parts.decomposed(),
                parts.heads(config.layers(), true),
                parts.full(config.layers(), false, weights))) {
          Attribution difference = direction.attribute(stack, parts);
          Attribution one = alone.attribute(stack, parts);
          for (int p = 0; p < 3; p++) {
            float a = parts.logits()[p * vocabulary + answer];
            float b = parts.logits()[p * vocabulary + wrong];
            double bound = 1e-5 * Math.max(1, Math.abs(a) + Math.abs(b));
            assertThat(difference.total(p)).isCloseTo((double) a - b, within(10 * bound));
            assertThat(one.total(p)).isCloseTo(a, within(10 * bound));
          }
        }
        if (plan.isEmpty()) {
          assertNeurons(direction, parts, weights);
        }
      }
    }
  }

  private static void assertSum(ResidualStack stack, float[] stream) {
    double[] sum = stack.sum();
    if (stack.labels().isEmpty()) {
      return;
    }
    for (int i = 0; i < stream.length; i++) {
      assertThat(sum[i]).isCloseTo(stream[i], within(2e-5 * Math.max(1, Math.abs(stream[i]))));
    }
  }

  /** Neurons of a block and its output bias add what the block's MLP adds. */
  private static void assertNeurons(
      LogitDirection direction, ResidualParts parts, BlockWeights weights) {
    ResidualStack mlps = parts.decomposed(1, ResidualParts.Mode.MLP, false, false);
    Attribution whole = direction.attribute(mlps, parts);
    ResidualStack laidOut = parts.neurons(0, weights);
    Attribution each = direction.neurons(parts, 0, weights);
    Attribution same = direction.attribute(laidOut, parts);
    assertThat(each.labels()).isEqualTo(laidOut.labels()).startsWith("L0N0", "L0N1");
    float[] bias = weights.bias(1, true);
    float[] attentionBias = weights.bias(1, false);
    for (int i = 0; i < bias.length; i++) {
      bias[i] -= attentionBias[i];
    }
    ResidualStack bias3 =
        new ResidualStack(List.of("b"), new int[] {0, 1, 2}, bias.length, repeated(bias));
    Attribution constant = direction.attribute(bias3, parts);
    for (int p = 0; p < 3; p++) {
      double sum = constant.at(0, p);
      for (int n = 0; n < each.labels().size(); n++) {
        assertThat(each.at(n, p)).isCloseTo(same.at(n, p), within(1e-5));
        sum += each.at(n, p);
      }
      assertThat(sum).isCloseTo(whole.at(0, p), within(1e-4 * Math.max(1, Math.abs(sum))));
    }
  }

  private static float[] repeated(float[] row) {
    float[] out = new float[3 * row.length];
    for (int p = 0; p < 3; p++) {
      System.arraycopy(row, 0, out, p * row.length, row.length);
    }
    return out;
  }

  @Test
  void normalized_stack_isTheNormOfTheSum() {
    try (Model model = open("gpt2-tiny")) {
      Prompt prompt = Prompt.ofIds(3, 1, 4, 1, 5);
      ResidualParts parts = ResidualParts.of(model, prompt, HookPlan.NONE, 2, 4);
      ResidualStack rows = parts.decomposed(1, ResidualParts.Mode.ALL, true, true);
      assertThat(rows.labels().getLast()).isEqualTo("1_attn_out");
      double[] sum = rows.normalized(parts.scale(1, true), true).sum();
      float[] wanted =
          model
              .run(
                  prompt,
                  HookPlan.builder()
                      .read("blocks.1.ln2.hook_normalized", Selection.ALL.positions(2, 4))
                      .build())
              .activation("blocks.1.ln2.hook_normalized")
              .values();
      for (int i = 0; i < wanted.length; i++) {
        assertThat(sum[i]).isCloseTo(wanted[i], within(1e-5));
      }
    }
  }

  @Test
  void since_twoRuns_sharesOutTheChange() {
    try (Model model = open("llama-gqa");
        OpenModel stored = ModelStore.system().open(folder("llama-gqa"))) {
      ResidualParts clean = ResidualParts.of(model, Prompt.ofIds(1, 2, 3, 4), HookPlan.NONE, -1);
      ResidualParts corrupt = ResidualParts.of(model, Prompt.ofIds(1, 5, 3, 4), HookPlan.NONE, -1);
      LogitDirection direction = LogitDirection.of(stored, 7, 9);
      Attribution change =
          direction
              .attribute(clean.decomposed(), clean)
              .since(direction.attribute(corrupt.decomposed(), corrupt));
      double wanted =
          clean.logits()[7] - clean.logits()[9] - corrupt.logits()[7] + corrupt.logits()[9];
      assertThat(change.total(0)).isCloseTo(wanted, within(1e-4));
      assertThat(change.bias()).isZero();
      int first = change.top(1, 0).getFirst();
      for (int c = 0; c < change.labels().size(); c++) {
        assertThat(Math.abs(change.at(c, 0))).isLessThanOrEqualTo(Math.abs(change.at(first, 0)));
      }
    }
  }

  @Test
  void of_whatIsOutOfRange_isRefused() {
    try (Model model = open("gpt2-tiny");
        OpenModel stored = ModelStore.system().open(folder("gpt2-tiny"))) {
      Prompt prompt = Prompt.ofIds(1, 2, 3);
      assertThatThrownBy(() -> ResidualParts.of(model, prompt, HookPlan.NONE, 3))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("0..2 (or -3..-1 from the end), got [3]");
      ResidualParts parts = ResidualParts.of(model, prompt, HookPlan.NONE, 0);
      assertThatThrownBy(() -> parts.heads(99, false))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("layer: expected 0 to");
      assertThatThrownBy(() -> LogitDirection.of(stored, 1 << 20))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("token: expected an id");
      assertThatThrownBy(() -> parts.decomposed().vector("9_mlp", 0))
          .hasMessageContaining("expected one of [embed");
    }
  }
}
