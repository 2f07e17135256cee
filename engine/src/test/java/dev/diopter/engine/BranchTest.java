package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Branches of a clean run against whole runs with the same edit, to the bit. */
class BranchTest {
  private static final long SEED = Long.getLong("diopter.seed", 20261124);

  private static final String MODELS =
      """
      gpt2-tiny, cpu, 1
      gpt2-tiny, reference, 1
      llama-gqa, cpu, 2
      llama-gqa, reference, 1
      gpt2-odd-f16, cpu, 3
      demo-gpt2, cpu, 2
      demo-llama, cpu, 2
      """;

  /** A clean run and what branches of it need. */
  private record Clean(Model model, Prompt prompt, RunResult run) {
    static Clean of(Model model, Prompt prompt) {
      HookPlan residuals = HookPlan.reading("blocks.*.hook_resid_pre", "blocks.*.hook_resid_post");
      RunRequest request = RunRequest.of(prompt).plan(residuals).keepingKeyValues();
      return new Clean(model, prompt, model.run(request).getFirst());
    }

    KeyValueStore store() {
      return Objects.requireNonNull(run.keyValues());
    }

    String site(int layer) {
      int layers = model.config().layers();
      return layer < layers
          ? "blocks." + layer + ".hook_resid_pre"
          : "blocks." + (layers - 1) + ".hook_resid_post";
    }

    /** The stream in front of a block from a position on, its first row another. */
    Branch branch(int layer, int position, float[] vector) {
      int width = model.config().width();
      float[] all = run.activation(site(layer)).values();
      float[] rows = Arrays.copyOfRange(all, position * width, all.length);
      System.arraycopy(vector, 0, rows, 0, width);
      return new Branch(layer, position, rows);
    }

    HookPlan edit(int layer, int position, float[] vector, Steps steps) {
      return HookPlan.builder()
          .replace(site(layer), Selection.ALL.positions(position).steps(steps), vector)
          .build();
    }

    float[] vector(Random random) {
      float[] vector = new float[model.config().width()];
      for (int i = 0; i < vector.length; i++) {
        vector[i] = (float) random.nextGaussian();
      }
      return vector;
    }
  }

  private static Random random(String name) {
    System.out.println("seed " + SEED + " for " + name);
    return new Random(SEED);
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
  @CsvSource(textBlock = MODELS)
  void run_branchesAtEveryLayer_haveTheBitsOfWholeRuns(String name, String backend, int threads) {
    Random random = random(name);
    try (Model model = TestModels.open(name, backend, threads)) {
      int length = 9;
      Clean clean = Clean.of(model, TestModels.randomPrompt(model, random, length));
      List<Branch> branches = new ArrayList<>();
      List<HookPlan> edits = new ArrayList<>();
      for (int i = 0; i < 25; i++) {
        int layer = random.nextInt(model.config().layers() + 1);
        int position = random.nextInt(length);
        float[] vector = clean.vector(random);
        branches.add(clean.branch(layer, position, vector));
        edits.add(clean.edit(layer, position, vector, Steps.PROMPT));
      }
      BranchRequest request = BranchRequest.of(clean.prompt, clean.store(), branches);
      List<RunResult> results = model.run(request.logits(Logits.ALL));
      for (int i = 0; i < branches.size(); i++) {
        RunRequest whole = RunRequest.of(clean.prompt).plan(edits.get(i)).logits(Logits.ALL);
        float[] expected = model.run(whole).getFirst().logits();
        int from = branches.get(i).position() * model.config().vocabulary();
        assertSameBits(
            name + " branch " + i,
            results.get(i).logits(),
            Arrays.copyOfRange(expected, from, expected.length));
      }
      // The clean run's store has not changed.
      float[] again =
          model.run(RunRequest.of(clean.prompt).logits(Logits.LAST)).getFirst().lastLogits();
      assertSameBits("clean", clean.run.lastLogits(), again);
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void run_branchesWithHooks_readAndEditTheirOwnRows(String name, String backend, int threads) {
    Random random = random(name);
    try (Model model = TestModels.open(name, backend, threads)) {
      int layers = model.config().layers();
      Clean clean = Clean.of(model, TestModels.randomPrompt(model, random, 7));
      int last = layers - 1;
      // Both leave the clean run without another vector; only the edits differ.
      List<Branch> branches = new ArrayList<>();
      for (int position : new int[] {2, 5}) {
        float[] own = clean.run.activation(clean.site(last)).values();
        int width = model.config().width();
        float[] vector = Arrays.copyOfRange(own, position * width, (position + 1) * width);
        branches.add(clean.branch(last, position, vector));
      }
      String z = "blocks." + last + ".attn.hook_z";
      String pattern = "blocks." + last + ".attn.hook_pattern";
      HookPlan plan =
          HookPlan.builder()
              .zero(z, Selection.ALL.sequences(0).positions(2).heads(0))
              .zero(z, Selection.ALL.sequences(1).positions(5).heads(1))
              .read(pattern)
              .build();
      List<RunResult> results =
          model.run(BranchRequest.of(clean.prompt, clean.store(), branches).plan(plan));
      for (int i = 0; i < 2; i++) {
        int position = branches.get(i).position();
        HookPlan alone =
            HookPlan.builder()
                .zero(z, Selection.ALL.positions(position).heads(i))
                .read(pattern, Selection.ALL.positions(range(position, 7)))
                .build();
        RunResult whole = model.run(clean.prompt, alone);
        assertSameBits("logits", results.get(i).logits(), whole.logits());
        assertSameBits(
            "pattern",
            results.get(i).activation(pattern).values(),
            whole.activation(pattern).values());
      }
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void run_normInOneBranchAndSplitInputInAnother_eachActsInItsOwn(
      String name, String backend, int threads) {
    Random random = random(name);
    try (Model model = TestModels.open(name, backend, threads)) {
      int length = 6;
      Clean clean = Clean.of(model, TestModels.randomPrompt(model, random, length));
      float[] own = clean.run.activation(clean.site(0)).values();
      List<Branch> branches = java.util.Collections.nCopies(5, new Branch(0, 0, own));
      String block = "blocks.0.";
      float[] vector = clean.vector(random);
      List<HookPlan> alone = new ArrayList<>();
      for (int s = 0; s < 5; s++) {
        HookPlan.Builder plan = HookPlan.builder();
        switch (s) {
          case 0, 3 -> plan.scale(block + "ln1.hook_normalized", 0.5f + s);
          case 1 -> plan.add(block + "hook_q_input", Selection.ALL.heads(1), vector);
          case 2 ->
              plan.add(block + "hook_attn_in", Selection.ALL, vector)
                  .add(block + "hook_v_input", Selection.ALL.heads(0), vector);
          default -> plan.scale(block + "ln1.hook_scale", 2);
        }
        alone.add(plan.build());
      }
      List<Edit> together = new ArrayList<>();
      for (int s = 0; s < 5; s++) {
        for (Edit e : alone.get(s).edits()) {
          together.add(
              new Edit(e.hook(), e.where().sequences(s), e.operation(), e.allowNonFinite()));
        }
      }
      BranchRequest request =
          BranchRequest.of(clean.prompt, clean.store(), branches)
              .plan(new HookPlan(List.of(), together))
              .logits(Logits.ALL);
      List<RunResult> results = model.run(request);
      for (int s = 0; s < 5; s++) {
        RunRequest whole = RunRequest.of(clean.prompt).plan(alone.get(s)).logits(Logits.ALL);
        assertSameBits(
            name + " branch " + s, results.get(s).logits(), model.run(whole).getFirst().logits());
      }
      HookPlan both = alone.get(0).and(alone.get(1));
      assertThatThrownBy(() -> model.run(clean.prompt, both))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("of one sequence");
    }
  }

  private static int[] range(int from, int to) {
    return java.util.stream.IntStream.range(from, to).toArray();
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void generateAfter_branches_givesTheIdsOfAnEditedGeneration(
      String name, String backend, int threads) {
    Random random = random(name);
    try (Model model = TestModels.open(name, backend, threads)) {
      int length = 5;
      int more = 6;
      Clean clean = Clean.of(model, TestModels.randomPrompt(model, random, length));
      List<Branch> branches = new ArrayList<>();
      List<int[]> expected = new ArrayList<>();
      for (int layer = 0; layer <= model.config().layers(); layer++) {
        int position = random.nextInt(length);
        float[] vector = clean.vector(random);
        branches.add(clean.branch(layer, position, vector));
        HookPlan edit = clean.edit(layer, position, vector, Steps.PROMPT);
        GenerationOptions options = GenerationOptions.greedy(more + 1).ignoringEos();
        expected.add(model.generate(clean.prompt, options, edit, GenerationListener.NONE).ids());
      }
      List<RunResult> results =
          model.run(BranchRequest.of(clean.prompt, clean.store(), branches).keepingKeyValues());
      List<KeyValueStore> stores = new ArrayList<>();
      List<Prompt> next = new ArrayList<>();
      for (RunResult result : results) {
        stores.add(Objects.requireNonNull(result.keyValues()));
        next.add(Prompt.ofIds(LogProbabilities.top(result.lastLogits(), 1)));
      }
      List<GenerationResult> generated =
          model.generateAfter(
              stores,
              next,
              GenerationOptions.greedy(more).ignoringEos(),
              HookPlan.NONE,
              GenerationListener.NONE);
      for (int i = 0; i < branches.size(); i++) {
        int[] ids = new int[more + 1];
        ids[0] = next.get(i).ids()[0];
        System.arraycopy(generated.get(i).ids(), 0, ids, 1, more);
        assertThat(ids).as("%s branch %d", name, i).isEqualTo(expected.get(i));
        assertThat(stores.get(i).length()).isEqualTo(length);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = "gpt2-tiny, cpu, 1")
  void run_branchThatDoesNotFit_isRefused(String name, String backend, int threads) {
    Random random = random(name);
    try (Model model = TestModels.open(name, backend, threads)) {
      Clean clean = Clean.of(model, TestModels.randomPrompt(model, random, 4));
      float[] vector = clean.vector(random);
      int layers = model.config().layers();
      assertRefused(
          clean, new Branch(layers + 1, 0, vector), "expected a layer from 0 to " + layers);
      assertRefused(clean, new Branch(0, 4, vector), "expected a position from 0 to 3");
      assertRefused(clean, new Branch(0, -1, vector), "expected a position from 0 to 3");
      assertRefused(clean, new Branch(0, 0, new float[3]), "expected rows of");
      Branch good = clean.branch(1, 2, vector);
      BranchRequest request = BranchRequest.of(clean.prompt, clean.store(), List.of(good));
      HookPlan early = HookPlan.reading("blocks.0.hook_resid_pre");
      assertThatThrownBy(() -> model.run(request.plan(early)))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("branch 0 starts at block 1");
      RunResult kept = model.run(request.keepingKeyValues()).getFirst();
      KeyValueStore branched = Objects.requireNonNull(kept.keyValues());
      assertThatThrownBy(() -> model.run(BranchRequest.of(clean.prompt, branched, List.of(good))))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("those of a branch");
    }
  }

  private static void assertRefused(Clean clean, Branch branch, String message) {
    assertThatThrownBy(
            () -> clean.model.run(BranchRequest.of(clean.prompt, clean.store(), List.of(branch))))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining(message);
  }
}
