package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Npz;
import dev.diopter.formats.NpzArray;
import dev.diopter.kernels.Backends;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.ProcessingStep;
import dev.diopter.models.WeightProcessing;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Models with processed weights, against TransformerLens's and against themselves. */
class ProcessingTest {
  private static final List<String> NAMES =
      List.of("gpt2-tiny", "llama-value-biases", "demo-gpt2", "demo-llama");
  private static final Path FIXTURES = TestModels.root().resolve("fixtures/processing");

  static Stream<Arguments> models() {
    return Stream.of("cpu", "reference")
        .flatMap(backend -> NAMES.stream().map(name -> Arguments.of(name, backend, 1e-5)));
  }

  private static Model open(String name, String backend, WeightProcessing processing) {
    String where =
        Stream.of(FIXTURES.resolve(name), TestModels.fixture(name))
            .filter(Files::isDirectory)
            .map(Path::toString)
            .findFirst()
            .orElse(name);
    try (OpenModel stored = ModelStore.system().open(where, processing)) {
      return Model.on(Backends.open(backend, 2), stored);
    }
  }

  private static WeightProcessing steps(String joined) {
    return joined.equals("raw")
        ? WeightProcessing.NONE
        : WeightProcessing.ofNames(List.of(joined.split("\\+")));
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_everyCombination_hasTransformerLensValues(String name, String backend, double bound) {
    try (Npz file = Npz.open(FIXTURES.resolve(name + ".npz"))) {
      Prompt prompt = Prompt.ofIds(file.read("ids").ints());
      TreeSet<String> combinations = new TreeSet<>();
      file.names().stream()
          .filter(n -> n.endsWith(".unembed.hook_out"))
          .forEach(n -> combinations.add(n.substring(0, n.indexOf('.'))));
      assertThat(combinations).hasSize(name.startsWith("demo") ? 6 : 16);
      for (String combination : combinations) {
        try (Model model = open(name, backend, steps(combination))) {
          int hooks = 0;
          HookPlan plan = HookPlan.builder().read("*").read("optional:*").build();
          RunResult run = model.run(RunRequest.of(prompt).plan(plan)).getFirst();
          for (String entry : file.names()) {
            String hook = entry.substring(entry.indexOf('.') + 1);
            if (entry.startsWith(combination + ".") && hook.contains("hook_")) {
              hooks++;
              assertSame(name + " " + entry, run.activation(hook), file.read(entry), bound);
            }
          }
          boolean logitsAlone = combination.contains("+") && steps(combination).steps().size() < 4;
          assertThat(hooks).as(combination).isGreaterThan(logitsAlone ? 0 : 30);
        }
      }
    }
  }

  /** All positions, or the last one's alone. */
  private static void assertSame(String what, Activation got, NpzArray wanted, double bound) {
    int[] shape = got.shape();
    int axis =
        got.name().endsWith("hook_attn_scores") || got.name().endsWith("hook_pattern") ? 1 : 0;
    int outer = axis == 0 ? 1 : shape[0];
    int kept = wanted.shape().get(axis);
    int inner = 1;
    for (int a = axis + 1; a < shape.length; a++) {
      inner *= shape[a];
    }
    float[] expected = wanted.floats();
    float[] actual = new float[outer * kept * inner];
    for (int o = 0; o < outer; o++) {
      int from = (o * shape[axis] + shape[axis] - kept) * inner;
      System.arraycopy(got.values(), from, actual, o * kept * inner, kept * inner);
    }
    assertWithin(what, actual, expected, bound);
  }

  private static void assertWithin(String what, float[] actual, float[] expected, double bound) {
    assertThat(actual).as(what).hasSameSizeAs(expected);
    double scale = 1;
    for (float x : expected) {
      scale = Float.isFinite(x) ? Math.max(scale, Math.abs(x)) : scale;
    }
    for (int i = 0; i < expected.length; i++) {
      if (Float.isFinite(expected[i])
          ? Math.abs(actual[i] - expected[i]) > bound * scale
          : actual[i] != expected[i]) {
        throw new AssertionError(
            "%s: expected %s at %d, got %s (bound %s)"
                .formatted(what, expected[i], i, actual[i], bound * scale));
      }
    }
  }

  /** What an ablation does depends on the processing, and is TransformerLens's with each. */
  @ParameterizedTest
  @MethodSource("models")
  void run_ablatedValues_haveTransformerLensLogits(String name, String backend, double bound) {
    HookPlan ablation =
        HookPlan.builder().zero("blocks.1.attn.hook_v", Selection.ALL.heads(0)).build();
    try (Npz file = Npz.open(FIXTURES.resolve(name + ".npz"))) {
      Prompt prompt = Prompt.ofIds(file.read("ids").ints());
      List<String> entries = file.names().stream().filter(n -> n.endsWith(".ablated")).toList();
      assertThat(entries).hasSize(6);
      for (String entry : entries) {
        try (Model model = open(name, backend, steps(entry.substring(0, entry.indexOf('.'))))) {
          float[] logits = model.run(prompt, ablation).lastLogits();
          assertWithin(entry, logits, file.read(entry).floats(), bound);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_anySteps_leaveLogProbabilities(String name, String backend, double bound) {
    long seed = System.nanoTime();
    System.out.println("ProcessingTest seed " + seed);
    Random random = new Random(seed);
    try (Model raw = open(name, backend, WeightProcessing.NONE)) {
      Prompt prompt = TestModels.randomPrompt(raw, random, 12);
      RunRequest request = RunRequest.of(prompt).logits(Logits.ALL);
      double[] expected = logProbabilities(raw, request);
      for (int i = 0; i < 4; i++) {
        List<ProcessingStep> steps =
            Arrays.stream(ProcessingStep.values()).filter(s -> random.nextInt(3) > 0).toList();
        try (Model model = open(name, backend, new WeightProcessing(steps))) {
          double[] actual = logProbabilities(model, request);
          for (int k = 0; k < expected.length; k++) {
            if (Math.abs(actual[k] - expected[k]) > bound * Math.max(1, Math.abs(expected[k]))) {
              throw new AssertionError(
                  "%s %s: expected %s at %d, got %s"
                      .formatted(name, steps, expected[k], k, actual[k]));
            }
          }
        }
      }
    }
  }

  private static double[] logProbabilities(Model model, RunRequest request) {
    float[] logits = model.run(request).getFirst().logits();
    int vocabulary = model.config().vocabulary();
    double[] all = new double[logits.length];
    for (int at = 0; at < logits.length; at += vocabulary) {
      double most = Double.NEGATIVE_INFINITY;
      for (int v = 0; v < vocabulary; v++) {
        most = Math.max(most, logits[at + v]);
      }
      double sum = 0;
      for (int v = 0; v < vocabulary; v++) {
        sum += Math.exp(logits[at + v] - most);
      }
      for (int v = 0; v < vocabulary; v++) {
        all[at + v] = logits[at + v] - most - Math.log(sum);
      }
    }
    return all;
  }

  /** The head's bias is part of the unembedding wherever it is done, to the same bits. */
  @ParameterizedTest
  @MethodSource("models")
  void unembed_processed_isThePasssOwn(String name, String backend, double bound) {
    try (Model model = open(name, backend, WeightProcessing.TRANSFORMER_LENS)) {
      String last = "blocks.%d.hook_resid_post".formatted(model.config().layers() - 1);
      Prompt prompt = TestModels.randomPrompt(model, new Random(3), 7);
      HookPlan plan = HookPlan.builder().read(last).build();
      RunResult run = model.run(RunRequest.of(prompt).plan(plan).logits(Logits.ALL)).getFirst();
      float[] logits = new float[7 * model.config().vocabulary()];
      model.unembed(run.activation(last).values(), 7, logits);
      assertThat(logits).isEqualTo(run.logits());
      assertThat(model.finalNorm().gain()).containsOnly(1);
      assertThat(model.finalNorm().bias()).isNull();
    }
  }
}
