package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.kernels.cpu.CpuBackend;
import dev.diopter.kernels.cpu.KernelChoice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The determinism contract: what is hooked, batched, cached, resumed or threaded changes no bit.
 */
class DeterminismTest {
  private static final Map<String, Model> OPEN = new HashMap<>();
  private static final long SEED = Long.getLong("diopter.seed", 20261124);

  static Stream<Arguments> models() {
    List<Arguments> all = new ArrayList<>();
    for (String name : TestModels.FIXTURES) {
      all.add(Arguments.of(name, "cpu"));
      all.add(Arguments.of(name, "reference"));
    }
    all.add(Arguments.of("demo-gpt2", "cpu"));
    all.add(Arguments.of("demo-llama", "cpu"));
    return all.stream();
  }

  private static Model model(String name, String backend) {
    return OPEN.computeIfAbsent(name + "/" + backend, k -> TestModels.open(name, backend, 2));
  }

  @AfterAll
  static void close() {
    OPEN.values().forEach(Model::close);
    OPEN.clear();
  }

  private static Random random(String name) {
    System.out.println("seed " + SEED + " for " + name);
    return new Random(SEED);
  }

  private static float[] allLogits(Model model, Prompt prompt, HookPlan plan) {
    return model.run(RunRequest.of(prompt).plan(plan).logits(Logits.ALL)).getFirst().logits();
  }

  private static void assertSameBits(String what, float[] actual, float[] expected) {
    assertThat(actual.length).as(what).isEqualTo(expected.length);
    for (int i = 0; i < expected.length; i++) {
      if (Float.floatToRawIntBits(actual[i]) != Float.floatToRawIntBits(expected[i])) {
        throw new AssertionError(
            "%s: expected %s at %d, got %s".formatted(what, expected[i], i, actual[i]));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_everyHookRead_changesNoBit(String name, String backend) {
    Model model = model(name, backend);
    Prompt prompt = TestModels.randomPrompt(model, random(name), 13);
    float[] plain = allLogits(model, prompt, HookPlan.NONE);
    for (String hooks :
        List.of("*", "optional:*", "blocks.*.attn.hook_pattern", "blocks.*.hook_resid_post")) {
      HookPlan reads = HookPlan.builder().read(hooks).build();
      assertSameBits(hooks, allLogits(model, prompt, reads), plain);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_everyPointRewrittenWithItsOwnValue_changesNoBit(String name, String backend) {
    Model model = model(name, backend);
    Prompt prompt = TestModels.randomPrompt(model, random(name), 9);
    HookPlan all = HookPlan.builder().read("*").read("optional:*").build();
    RunResult plain = model.run(RunRequest.of(prompt).plan(all).logits(Logits.ALL)).getFirst();
    for (HookPoint point : model.hookPoints()) {
      HookPlan touched =
          HookPlan.builder()
              .edit(point.name(), Selection.ALL, new Operation.Function(view -> {}))
              .build();
      assertSameBits(point + " touched", allLogits(model, prompt, touched), plain.logits());
      if (point.site().overKeys()) {
        continue; // masked scores are minus infinity: a replace of them is another matter
      }
      HookPlan replaced =
          HookPlan.builder()
              .edit(
                  point.name(),
                  Selection.ALL,
                  new Operation.Replace(Operation.Value.of(plain.activation(point.name())), false))
              .build();
      assertSameBits(point + " replaced", allLogits(model, prompt, replaced), plain.logits());
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_raggedBatch_givesEachPromptTheBitsOfAlone(String name, String backend) {
    Model model = model(name, backend);
    Random random = random(name);
    List<Prompt> prompts = new ArrayList<>();
    for (int length : new int[] {7, 1, 13, 4, 18}) {
      prompts.add(TestModels.randomPrompt(model, random, length));
    }
    HookPlan plan = HookPlan.builder().read("*").read("optional:*").build();
    List<RunResult> batch =
        model.run(RunRequest.of(prompts).plan(plan).logits(Logits.ALL).withLoss());
    for (int s = 0; s < prompts.size(); s++) {
      RunResult alone =
          model
              .run(RunRequest.of(prompts.get(s)).plan(plan).logits(Logits.ALL).withLoss())
              .getFirst();
      assertSameBits("logits", batch.get(s).logits(), alone.logits());
      assertThat(batch.get(s).lossNats()).isEqualTo(alone.lossNats());
      assertThat(batch.get(s).activations().keySet()).isEqualTo(alone.activations().keySet());
      for (String hook : alone.activations().keySet()) {
        assertSameBits(
            hook, batch.get(s).activation(hook).values(), alone.activation(hook).values());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_behindKeptKeysAndValues_givesTheBitsOfAFullPass(String name, String backend) {
    Model model = model(name, backend);
    Prompt prompt = TestModels.randomPrompt(model, random(name), 18);
    float[] full = allLogits(model, prompt, HookPlan.NONE);
    int vocabulary = model.config().vocabulary();
    for (int cut : new int[] {1, 5, 16, 17}) {
      Prompt head = Prompt.ofIds(Arrays.copyOf(prompt.ids(), cut));
      Prompt tail = Prompt.ofIds(Arrays.copyOfRange(prompt.ids(), cut, prompt.length()));
      KeyValueStore store =
          model.run(RunRequest.of(head).keepingKeyValues()).getFirst().keyValues();
      RunResult rest =
          model.run(RunRequest.of(tail).after(List.of(store)).logits(Logits.ALL)).getFirst();
      assertThat(rest.logitPositions()).isEqualTo(IntStream.range(cut, prompt.length()).toArray());
      assertSameBits(
          "cut " + cut, rest.logits(), Arrays.copyOfRange(full, cut * vocabulary, full.length));
      assertThat(store.length()).isEqualTo(cut);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void generate_everyStep_givesTheBitsOfAFullPassOverTheSameIds(String name, String backend) {
    Model model = model(name, backend);
    Prompt prompt = TestModels.randomPrompt(model, random(name), 6);
    Selection everyStep = Selection.ALL.steps(Steps.ALL);
    HookPlan plan =
        HookPlan.builder()
            .read("unembed.hook_out", everyStep)
            .read("blocks.*.hook_resid_post", everyStep)
            .build();
    GenerationResult generated =
        model.generate(
            prompt, GenerationOptions.greedy(10).ignoringEos(), plan, GenerationListener.NONE);
    assertThat(generated.ids()).hasSize(10);
    int[] all =
        IntStream.concat(Arrays.stream(prompt.ids()), Arrays.stream(generated.ids())).toArray();
    float[] full = allLogits(model, Prompt.ofIds(all), HookPlan.NONE);
    int vocabulary = model.config().vocabulary();
    for (int step = 1; step < generated.steps().size(); step++) {
      int position = prompt.length() + step - 1;
      assertSameBits(
          "step " + step,
          generated.steps().get(step).activation("unembed.hook_out").values(),
          Arrays.copyOfRange(full, position * vocabulary, (position + 1) * vocabulary));
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void generate_severalPromptsAtOnce_givesEachTheTokensOfAlone(String name, String backend) {
    Model model = model(name, backend);
    Random random = random(name);
    List<Prompt> prompts = new ArrayList<>();
    for (int length : new int[] {5, 1, 9}) {
      prompts.add(TestModels.randomPrompt(model, random, length));
    }
    GenerationOptions options = GenerationOptions.sampling(8, 0.9, 7).withTopK(20).withTopP(0.95);
    List<GenerationResult> batch =
        model.generate(prompts, options, HookPlan.NONE, GenerationListener.NONE);
    for (int s = 0; s < prompts.size(); s++) {
      assertThat(batch.get(s).ids()).isEqualTo(model.generate(prompts.get(s), options).ids());
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_resumedAtALayer_givesTheBitsOfTheStart(String name, String backend) {
    Model model = model(name, backend);
    Prompt prompt = TestModels.randomPrompt(model, random(name), 11);
    float[] full = allLogits(model, prompt, HookPlan.NONE);
    int layers = model.config().layers();
    for (int l = 0; l <= layers; l++) {
      float[] residual = model.run(RunRequest.of(prompt).stopAt(l)).getFirst().residual();
      RunResult resumed =
          model
              .run(RunRequest.of(prompt).startAt(l, List.of(residual)).logits(Logits.ALL))
              .getFirst();
      assertSameBits("layer " + l, resumed.logits(), full);
    }
  }

  /** Long prompts, so that the demo models' operations are worth several threads. */
  private static Prompt longPrompt(Model model, String name) {
    int length = Math.min(200, model.config().contextLength());
    return TestModels.randomPrompt(model, random(name), length);
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_anyNumberOfThreads_changesNoBit(String name, String backend) {
    Prompt prompt;
    float[] expected;
    try (Model one = TestModels.open(name, backend, 1)) {
      prompt = longPrompt(one, name);
      expected = allLogits(one, prompt, HookPlan.NONE);
    }
    for (int threads : new int[] {2, 5}) {
      try (Model many = TestModels.open(name, backend, threads)) {
        assertSameBits(threads + " threads", allLogits(many, prompt, HookPlan.NONE), expected);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gpt2-tiny",
        "gpt2-odd-f16",
        "llama-gqa",
        "llama-sharded-bf16",
        "demo-gpt2",
        "demo-llama"
      })
  void run_vectorKernelsAndTheirScalarTwin_giveTheSameBits(String name) {
    HookPlan all = HookPlan.builder().read("*").read("optional:*").build();
    try (Model vector = TestModels.open(name, CpuBackend.create(KernelChoice.VECTOR, 2));
        Model scalar = TestModels.open(name, CpuBackend.create(KernelChoice.SCALAR, 2))) {
      Prompt prompt = longPrompt(vector, name);
      RunRequest request = RunRequest.of(prompt).plan(all).logits(Logits.ALL).withLoss();
      RunResult expected = scalar.run(request).getFirst();
      RunResult found = vector.run(request).getFirst();
      assertSameBits("logits", found.logits(), expected.logits());
      for (String hook : expected.activations().keySet()) {
        assertSameBits(hook, found.activation(hook).values(), expected.activation(hook).values());
      }
    }
  }
}
