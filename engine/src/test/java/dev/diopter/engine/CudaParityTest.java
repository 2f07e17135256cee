package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whole models on the cuda backend over the fake driver, against the reference backend: batches,
 * caches, parts of passes, generation, with streams that work at once and with streams that lag.
 */
@org.junit.jupiter.api.Tag("cuda")
class CudaParityTest {
  private static final double BOUND = 2e-5;

  static Stream<Arguments> models() {
    List<Arguments> all = new ArrayList<>();
    for (String name : TestModels.FIXTURES) {
      all.add(Arguments.of(name, "", "forward"));
      all.add(Arguments.of(name, "lazy", "reverse"));
      all.add(Arguments.of(name, "lazy", "random:17"));
    }
    return all.stream();
  }

  @BeforeAll
  static void requireFake() {
    FakeCuda.require();
  }

  @AfterAll
  static void defaults() {
    FakeCuda.set("EMU_ASYNC", "");
    FakeCuda.set("EMU_ORDER", "");
  }

  /** A model twice. */
  private record Pair(Model cuda, Model reference) implements AutoCloseable {
    static Pair open(String name, String async, String order) {
      FakeCuda.set("EMU_ASYNC", async);
      FakeCuda.set("EMU_ORDER", order);
      return new Pair(TestModels.open(name, "cuda", 0), TestModels.open(name, "reference", 0));
    }

    List<RunResult> check(String what, RunRequest request) {
      List<RunResult> got = cuda.run(request);
      List<RunResult> want = reference.run(request);
      assertThat(got).hasSameSizeAs(want);
      for (int i = 0; i < want.size(); i++) {
        assertClose(what + " logits " + i, got.get(i).logits(), want.get(i).logits());
        assertActivations(what, got.get(i).activations(), want.get(i).activations());
        assertActivations(what, got.get(i).activationsBefore(), want.get(i).activationsBefore());
      }
      return got;
    }

    @Override
    public void close() {
      cuda.close();
      reference.close();
    }
  }

  private static void assertActivations(
      String what, Map<String, Activation> got, Map<String, Activation> want) {
    assertThat(new ArrayList<>(got.keySet())).isEqualTo(new ArrayList<>(want.keySet()));
    want.forEach((name, value) -> {
      assertThat(got.get(name).shape()).isEqualTo(value.shape());
      assertClose(what + " " + name, got.get(name).values(), value.values());
    });
  }

  private static void assertClose(String what, float[] got, float[] want) {
    assertThat(got.length).as(what).isEqualTo(want.length);
    double scale = 1;
    for (float x : want) {
      scale = Float.isFinite(x) ? Math.max(scale, Math.abs(x)) : scale;
    }
    for (int i = 0; i < want.length; i++) {
      boolean same =
          Float.isFinite(want[i]) ? Math.abs(got[i] - want[i]) <= BOUND * scale : got[i] == want[i];
      if (!same) {
        throw new AssertionError(
            "%s: expected %s at %d, got %s".formatted(what, want[i], i, got[i]));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void raggedBatch_everyHookAndSomeEdits_agree(String name, String async, String order) {
    try (Pair pair = Pair.open(name, async, order)) {
      Random random = new Random(3);
      Prompt[] prompts = new Prompt[5];
      int[] lengths = {7, 1, 12, 3, 5};
      Arrays.setAll(prompts, i -> TestModels.randomPrompt(pair.reference, random, lengths[i]));
      HookPlan reads = HookPlan.builder().read("*").read("optional:*").build();
      pair.check("reads", RunRequest.of(prompts).plan(reads).logits(Logits.ALL));
      HookPlan edits =
          HookPlan.builder()
              .scale("blocks.*.attn.hook_pattern", Selection.ALL.sequences(2, 4).heads(0), 0.5f)
              .zero("blocks.1.hook_q_input", Selection.ALL.positions(0).heads(1))
              .knockout("blocks.0.attn.hook_attn_scores", Selection.ALL.sequences(0, 2).keys(1, 0))
              .noise("blocks.0.hook_resid_pre", Selection.ALL, 0.25f, 9)
              .read("blocks.1.attn.hook_result", Selection.ALL.positions(-1))
              .read("blocks.1.hook_q_input")
              .read("ln_final.hook_normalized", Selection.ALL.positions(0))
              .build();
      pair.check("edits", RunRequest.of(prompts).plan(edits).logits(Logits.ALL).withLoss());
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void partsOfPasses_prefixesAndForks_agree(String name, String async, String order) {
    try (Pair pair = Pair.open(name, async, order)) {
      Prompt prompt = TestModels.randomPrompt(pair.reference, new Random(4), 9);
      Prompt tail = TestModels.randomPrompt(pair.reference, new Random(5), 4);
      RunRequest kept = RunRequest.of(prompt).keepingKeyValues();
      KeyValueStore cuda = pair.cuda.run(kept).getFirst().keyValues();
      KeyValueStore reference = pair.reference.run(kept).getFirst().keyValues();
      HookPlan plan = HookPlan.reading("blocks.*.attn.hook_pattern", "blocks.1.hook_resid_post");
      for (int length : new int[] {9, 5}) {
        cuda.truncate(length);
        reference.truncate(length);
        RunRequest more = RunRequest.of(tail, prompt.withKey(1)).plan(plan).logits(Logits.ALL);
        List<RunResult> got = pair.cuda.run(more.after(List.of(cuda, cuda.fork())));
        List<RunResult> want = pair.reference.run(more.after(List.of(reference, reference.fork())));
        for (int i = 0; i < 2; i++) {
          assertClose("behind " + length, got.get(i).logits(), want.get(i).logits());
          assertActivations("behind", got.get(i).activations(), want.get(i).activations());
        }
      }
      float[] residual = pair.reference.run(RunRequest.of(prompt).stopAt(1)).getFirst().residual();
      assertClose(
          "stopped",
          pair.cuda.run(RunRequest.of(prompt).stopAt(1)).getFirst().residual(),
          residual);
      pair.check("started", RunRequest.of(prompt).startAt(1, List.of(residual)).logits(Logits.ALL));
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void generation_severalPromptsWithHooks_agrees(String name, String async, String order) {
    try (Pair pair = Pair.open(name, async, order)) {
      List<Prompt> prompts =
          List.of(
              TestModels.randomPrompt(pair.reference, new Random(6), 6),
              TestModels.randomPrompt(pair.reference, new Random(7), 2));
      HookPlan plan =
          HookPlan.builder()
              .edit(
                  "blocks.0.hook_mlp_out",
                  Selection.ALL.steps(Steps.ALL),
                  new Operation.Scale(1.5f))
              .read("blocks.1.attn.hook_z", Selection.ALL.steps(Steps.ALL))
              .build();
      GenerationOptions options = GenerationOptions.greedy(8).ignoringEos();
      List<GenerationResult> got =
          pair.cuda.generate(prompts, options, plan, GenerationListener.NONE);
      List<GenerationResult> want =
          pair.reference.generate(prompts, options, plan, GenerationListener.NONE);
      for (int i = 0; i < want.size(); i++) {
        assertThat(got.get(i).ids()).isEqualTo(want.get(i).ids());
        for (int step = 0; step < 8; step++) {
          assertActivations(
              "step " + step,
              got.get(i).steps().get(step).activations(),
              want.get(i).steps().get(step).activations());
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void branches_withAHookEach_agree(String name, String async, String order) {
    Random random = new Random(11);
    try (Pair pair = Pair.open(name, async, order)) {
      Prompt prompt = TestModels.randomPrompt(pair.reference, random, 6);
      int width = pair.reference.config().width();
      int layers = pair.reference.config().layers();
      List<Branch> branches = new ArrayList<>();
      for (int layer = 0; layer <= layers; layer++) {
        int position = random.nextInt(6);
        float[] residual = new float[(6 - position) * width];
        for (int i = 0; i < residual.length; i++) {
          residual[i] = (float) random.nextGaussian();
        }
        branches.add(new Branch(layer, position, residual));
      }
      HookPlan plan =
          HookPlan.builder()
              .read("ln_final.hook_normalized")
              .scale("blocks." + (layers - 1) + ".attn.hook_z", Selection.ALL.sequences(0), 0.5f)
              .build();
      List<RunResult> got = branches(pair.cuda, prompt, branches, plan);
      List<RunResult> want = branches(pair.reference, prompt, branches, plan);
      for (int i = 0; i < want.size(); i++) {
        assertClose("logits " + i, got.get(i).logits(), want.get(i).logits());
        assertActivations("branch " + i, got.get(i).activations(), want.get(i).activations());
      }
    }
  }

  private static List<RunResult> branches(
      Model model, Prompt prompt, List<Branch> branches, HookPlan plan) {
    RunResult clean = model.run(RunRequest.of(prompt).keepingKeyValues()).getFirst();
    KeyValueStore store = Objects.requireNonNull(clean.keyValues());
    return model.run(BranchRequest.of(prompt, store, branches).plan(plan).logits(Logits.ALL));
  }
}
