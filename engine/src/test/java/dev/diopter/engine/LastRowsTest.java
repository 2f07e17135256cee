package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Passes that do not compute all rows of the last block against those that do, to the bit. */
class LastRowsTest {
  private static final long SEED = Long.getLong("diopter.seed", 20261124);

  private static final String MODELS =
      """
      gpt2-tiny, cpu, 1
      gpt2-tiny, reference, 1
      llama-gqa, cpu, 2
      llama-gqa, reference, 1
      gpt2-odd-f16, cpu, 3
      llama-sharded-bf16, cpu, 1
      demo-llama, cpu, 2
      """;

  /** A read of everything that leaves the last block needs all its rows. */
  private static HookPlan everything(Model model) {
    return HookPlan.reading("blocks.%d.hook_resid_post".formatted(model.config().layers() - 1));
  }

  /** Some positions from {@code first} on, at least one, as they come. */
  private static int[] some(Random random, int first, int end) {
    int[] chosen = IntStream.range(first, end).filter(_ -> random.nextInt(3) == 0).toArray();
    return chosen.length > 0 ? chosen : new int[] {first + random.nextInt(end - first)};
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void run_someRowsOfLogits_haveTheBitsOfAllRows(String name, String backend, int threads) {
    Random random = new Random(SEED);
    System.out.println("seed " + SEED + " for " + name);
    try (Model model = TestModels.open(name, backend, threads)) {
      for (int round = 0; round < 10; round++) {
        int length = 5 + random.nextInt(8);
        Logits rows = Logits.at(some(random, 0, length));
        RunRequest request =
            RunRequest.of(
                    TestModels.randomPrompt(model, random, length),
                    TestModels.randomPrompt(model, random, length + 3))
                .logits(rows)
                .keepingKeyValues();
        List<RunResult> few = model.run(request);
        List<RunResult> all = model.run(request.plan(everything(model)));
        Prompt more = TestModels.randomPrompt(model, random, 4);
        for (int s = 0; s < 2; s++) {
          assertThat(few.get(s).logits()).isEqualTo(all.get(s).logits());
        }
        RunRequest behind = RunRequest.of(more, more);
        List<RunResult> onFew = model.run(behind.after(stores(few)));
        List<RunResult> onAll = model.run(behind.after(stores(all)).plan(everything(model)));
        for (int s = 0; s < 2; s++) {
          assertThat(onFew.get(s).logits()).isEqualTo(onAll.get(s).logits());
        }
      }
    }
  }

  private static List<KeyValueStore> stores(List<RunResult> runs) {
    return runs.stream().map(r -> Objects.requireNonNull(r.keyValues())).toList();
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void run_noLogits_keepsTheKeysAndValuesOfTheLastBlock(String name, String backend, int threads) {
    Random random = new Random(SEED);
    try (Model model = TestModels.open(name, backend, threads)) {
      Prompt prompt = TestModels.randomPrompt(model, random, 11);
      RunRequest none = RunRequest.of(prompt).logits(Logits.NONE).keepingKeyValues();
      RunRequest full = RunRequest.of(prompt).plan(everything(model)).keepingKeyValues();
      Prompt more = TestModels.randomPrompt(model, random, 3);
      RunRequest behind = RunRequest.of(more).logits(Logits.ALL);
      float[] onNone = model.run(behind.after(stores(model.run(none)))).getFirst().logits();
      float[] onFull = model.run(behind.after(stores(model.run(full)))).getFirst().logits();
      assertThat(onNone).isEqualTo(onFull);
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void run_hooksOnEitherSideOfTheLastBlock_seeAndChangeTheirRows(
      String name, String backend, int threads) {
    Random random = new Random(SEED);
    try (Model model = TestModels.open(name, backend, threads)) {
      int last = model.config().layers() - 1;
      Prompt prompt = TestModels.randomPrompt(model, random, 8);
      HookPlan plan =
          HookPlan.builder()
              .scale("blocks.%d.attn.hook_k".formatted(last), 0.5f)
              .read("blocks.%d.hook_resid_pre".formatted(last))
              .read("unembed.hook_in", Selection.ALL.positions(2))
              .build();
      HookPlan wider =
          new HookPlan(
              Stream.concat(plan.reads().stream(), everything(model).reads().stream()).toList(),
              plan.edits());
      RunRequest request = RunRequest.of(prompt).logits(Logits.at(5, 7));
      RunResult few = model.run(request.plan(plan)).getFirst();
      RunResult all = model.run(request.plan(wider)).getFirst();
      assertThat(few.logits()).isEqualTo(all.logits());
      for (String hook : List.of("blocks.%d.hook_resid_pre".formatted(last), "unembed.hook_in")) {
        assertThat(few.activation(hook).values()).isEqualTo(all.activation(hook).values());
      }
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void run_branchesWithSomeRowsOfLogits_haveTheBitsOfAllRows(
      String name, String backend, int threads) {
    Random random = new Random(SEED);
    try (Model model = TestModels.open(name, backend, threads)) {
      int length = 9;
      int width = model.config().width();
      Prompt prompt = TestModels.randomPrompt(model, random, length);
      RunResult clean = model.run(RunRequest.of(prompt).keepingKeyValues()).getFirst();
      KeyValueStore store = Objects.requireNonNull(clean.keyValues());
      for (int round = 0; round < 10; round++) {
        List<Branch> branches = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
          int position = random.nextInt(length - 2);
          float[] rows = new float[(length - position) * width];
          for (int j = 0; j < rows.length; j++) {
            rows[j] = (float) random.nextGaussian();
          }
          branches.add(new Branch(random.nextInt(model.config().layers() + 1), position, rows));
        }
        BranchRequest request =
            BranchRequest.of(prompt, store, branches)
                .logits(round % 2 == 0 ? Logits.LAST : Logits.at(-2, -1));
        List<RunResult> few = model.run(request);
        List<RunResult> all = model.run(request.logits(Logits.ALL));
        int vocabulary = model.config().vocabulary();
        for (int i = 0; i < branches.size(); i++) {
          float[] whole = all.get(i).logits();
          int n = few.get(i).logits().length / vocabulary;
          assertThat(few.get(i).logits())
              .as("branch " + i)
              .isEqualTo(Arrays.copyOfRange(whole, whole.length - n * vocabulary, whole.length));
        }
      }
    }
  }
}
