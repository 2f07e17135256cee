package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Backends;
import dev.diopter.models.ModelException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a run computes, returns and refuses. */
class RunTest {
  private static final Prompt PROMPT = Prompt.ofIds(5, 9, 2, 44, 17, 30);
  private static final List<String> CALLS = new ArrayList<>();
  private static Model model; // 2 layers, 3 heads, context 32, vocabulary 97

  @BeforeAll
  static void open() {
    Backend cpu = Backends.open("cpu", 1);
    Backend counting =
        (Backend)
            Proxy.newProxyInstance(
                RunTest.class.getClassLoader(),
                new Class<?>[] {Backend.class},
                (proxy, method, arguments) -> {
                  if (method.getName().equals("equals")) {
                    return proxy == arguments[0];
                  }
                  CALLS.add(method.getName());
                  try {
                    return method.invoke(cpu, arguments);
                  } catch (InvocationTargetException e) {
                    throw e.getCause();
                  }
                });
    model = TestModels.open("gpt2-tiny", counting);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static List<String> callsOf(RunRequest request) {
    CALLS.clear();
    model.run(request);
    return List.copyOf(CALLS);
  }

  private static RunRequest reading(String... hooks) {
    HookPlan.Builder plan = HookPlan.builder();
    for (String hook : hooks) {
      plan.read(hook);
    }
    return RunRequest.of(PROMPT).plan(plan.build());
  }

  @Test
  void run_withoutHooks_materialisesNoScores() {
    assertThat(callsOf(RunRequest.of(PROMPT)))
        .contains("attention", "norm", "multiplyByHead")
        .doesNotContain("scores", "softmax", "mix", "normScale", "repeat", "sumHeads", "upload");
  }

  @Test
  void run_withoutHooks_unembedsTheLastRowOnly() {
    List<String> calls = callsOf(RunRequest.of(PROMPT));
    assertThat(calls.stream().filter("download"::equals)).hasSize(1);
  }

  @Test
  void run_nothingBehindTheReadIsWanted_stopsThere() {
    RunRequest queries = reading("blocks.0.attn.hook_q").logits(Logits.NONE);
    assertThat(callsOf(queries).stream().filter("multiply"::equals)).hasSize(1);
    assertThat(callsOf(queries)).doesNotContain("attention", "multiplyByHead", "gelu");
    RunRequest patterns = reading("blocks.1.attn.hook_pattern").logits(Logits.NONE);
    assertThat(callsOf(patterns)).contains("softmax").doesNotContain("mix");
    assertThat(callsOf(patterns).stream().filter("gelu"::equals)).hasSize(1);
    RunRequest norms = reading("ln_final.hook_scale").logits(Logits.NONE);
    assertThat(callsOf(norms)).contains("normScale");
    assertThat(callsOf(norms).stream().filter("multiply"::equals)).hasSize(2 * 3);
  }

  @Test
  void run_nothingIsWanted_computesNothing() {
    assertThat(callsOf(RunRequest.of(PROMPT).logits(Logits.NONE))).isEmpty();
  }

  @Test
  void run_functionLooksOn_runsUpToIt() {
    List<HookPoint> seen = new ArrayList<>();
    HookPlan plan =
        HookPlan.builder()
            .edit(
                "blocks.*.hook_mlp_out",
                Selection.ALL,
                new Operation.Function(v -> seen.add(v.point())))
            .build();
    model.run(RunRequest.of(PROMPT).plan(plan).logits(Logits.NONE));
    assertThat(seen)
        .extracting(HookPoint::name)
        .containsExactly("blocks.0.hook_mlp_out", "blocks.1.hook_mlp_out");
  }

  @Test
  void run_editBehindAllThatIsReturned_isRefused() {
    HookPlan plan =
        HookPlan.builder()
            .read("blocks.0.hook_resid_post")
            .edit("blocks.1.hook_mlp_out", Selection.ALL, new Operation.Zero())
            .build();
    CALLS.clear();
    assertThatThrownBy(() -> model.run(RunRequest.of(PROMPT).plan(plan).logits(Logits.NONE)))
        .isInstanceOf(UsageException.class)
        .hasMessage(
            "edit of blocks.1.hook_mlp_out could not act: the run returns nothing that comes behind it");
    assertThat(CALLS).isEmpty();
  }

  @Test
  void run_hookOutsideThePartThatRuns_isRefused() {
    float[] residual = new float[PROMPT.length() * model.config().width()];
    RunRequest late = reading("blocks.0.hook_resid_post").startAt(1, List.of(residual));
    assertThatThrownBy(() -> model.run(late))
        .hasMessage("blocks.0.hook_resid_post could not fire: this run starts at block 1");
    assertThatThrownBy(() -> model.run(reading("hook_embed").startAt(0, List.of(residual))))
        .hasMessage("hook_embed could not fire: this run starts at block 0");
    assertThatThrownBy(() -> model.run(reading("blocks.1.hook_resid_pre").stopAt(1)))
        .hasMessage("blocks.1.hook_resid_pre could not fire: this run stops in front of block 1");
    assertThatThrownBy(() -> model.run(reading("unembed.hook_in").stopAt(2)))
        .hasMessage("unembed.hook_in could not fire: this run stops in front of block 2");
  }

  @Test
  void run_layersOutOfRange_areRefused() {
    float[] residual = new float[PROMPT.length() * model.config().width()];
    assertThatThrownBy(() -> model.run(RunRequest.of(PROMPT).stopAt(3)))
        .hasMessage("stop layer: expected -2 to 2, got 3");
    assertThatThrownBy(() -> model.run(RunRequest.of(PROMPT).startAt(-3, List.of(residual))))
        .hasMessage("start layer: expected -2 to 2, got -3");
    assertThatThrownBy(
            () -> model.run(RunRequest.of(PROMPT).startAt(2, List.of(residual)).stopAt(1)))
        .hasMessage("expected to stop behind the start layer 2, got 1");
    assertThatThrownBy(() -> model.run(RunRequest.of(PROMPT).startAt(1, List.of(new float[3]))))
        .hasMessage("residual of prompt 0: expected 6 x 24 = 144 numbers, got 3");
  }

  @Test
  void run_promptThatDoesNotFit_isRefusedBeforeAnythingIsComputed() {
    CALLS.clear();
    assertThatThrownBy(() -> model.run(Prompt.ofIds(1, 97)))
        .isInstanceOf(ModelException.class)
        .hasMessage("token id 97 is outside the vocabulary: expected 0 to 96");
    assertThatThrownBy(() -> model.run(Prompt.ofIds(-1)))
        .hasMessage("token id -1 is outside the vocabulary: expected 0 to 96");
    assertThatThrownBy(() -> model.run(Prompt.ofIds(new int[33])))
        .isInstanceOf(ModelException.class)
        .hasMessage("the prompt has 33 tokens, the model's context 32: shorten the prompt");
    assertThatThrownBy(Prompt::ofIds)
        .hasMessage(
            "the prompt is empty: expected at least one token; give some text or ids, or --bos");
    assertThatThrownBy(() -> model.prompt("hello"))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("has no tokenizer.json: give token ids instead of text");
    assertThat(CALLS).isEmpty();
  }

  @Test
  void run_chosenLogits_areRowsOfAllLogits() {
    float[] all = model.run(RunRequest.of(PROMPT).logits(Logits.ALL)).getFirst().logits();
    RunResult some = model.run(RunRequest.of(PROMPT).logits(Logits.at(-1, 2))).getFirst();
    assertThat(some.logitPositions()).containsExactly(2, 5);
    int v = model.config().vocabulary();
    assertThat(Arrays.copyOf(some.logits(), v)).isEqualTo(Arrays.copyOfRange(all, 2 * v, 3 * v));
    assertThat(some.lastLogits()).isEqualTo(Arrays.copyOfRange(all, 5 * v, 6 * v));
    assertThatThrownBy(() -> model.run(RunRequest.of(PROMPT).logits(Logits.at(6))))
        .hasMessage("logits: expected positions 0 to 5, got 6");
  }

  @Test
  void run_loss_isTheMeanOfNextTokenLogProbabilities() {
    RunResult run = model.run(RunRequest.of(PROMPT).logits(Logits.ALL).withLoss()).getFirst();
    int v = model.config().vocabulary();
    double sum = 0;
    for (int i = 0; i + 1 < PROMPT.length(); i++) {
      double norm = 0;
      for (int t = 0; t < v; t++) {
        norm += Math.exp(run.logits()[i * v + t]);
      }
      sum += Math.log(norm) - run.logits()[i * v + PROMPT.ids()[i + 1]];
    }
    assertThat(run.lossNats()).isCloseTo(sum / 5, within(1e-9));
    assertThat(model.run(RunRequest.of(PROMPT).withLoss()).getFirst().lossNats())
        .isEqualTo(run.lossNats());
    assertThat(model.run(RunRequest.of(Prompt.ofIds(3)).withLoss()).getFirst().lossNats()).isNull();
  }

  @Test
  void run_positionsBehindTheBlocks_areThePositionsAsked() {
    RunResult all = model.run(reading("ln_final.hook_normalized", "unembed.hook_out")).getFirst();
    HookPlan one =
        HookPlan.builder()
            .read("ln_final.hook_normalized", Selection.ALL.positions(3))
            .read("unembed.hook_out", Selection.ALL.positions(1))
            .build();
    RunResult some = model.run(PROMPT, one);
    int d = model.config().width();
    int v = model.config().vocabulary();
    assertThat(some.activation("ln_final.hook_normalized").values())
        .isEqualTo(
            Arrays.copyOfRange(all.activation("ln_final.hook_normalized").values(), 3 * d, 4 * d));
    assertThat(some.activation("unembed.hook_out").values())
        .isEqualTo(Arrays.copyOfRange(all.activation("unembed.hook_out").values(), v, 2 * v));
    assertThat(some.lastLogits()).isEqualTo(all.lastLogits());
  }

  @Test
  void run_readsOfOneSequence_leaveTheOthersAlone() {
    HookPlan plan =
        HookPlan.builder()
            .read("blocks.0.attn.hook_pattern", Selection.ALL.sequences(1))
            .edit(
                "blocks.0.attn.hook_attn_scores",
                Selection.ALL.sequences(1).heads(0),
                new Operation.Scale(0.5f))
            .build();
    Prompt other = Prompt.ofIds(8, 1, 70);
    List<RunResult> batch = model.run(RunRequest.of(PROMPT, other).plan(plan));
    assertThat(batch.get(0).activations()).isEmpty();
    assertThat(batch.get(0).logits()).isEqualTo(model.run(PROMPT).logits());
    HookPlan alone =
        HookPlan.builder()
            .read("blocks.0.attn.hook_pattern")
            .edit(
                "blocks.0.attn.hook_attn_scores", Selection.ALL.heads(0), new Operation.Scale(0.5f))
            .build();
    RunResult expected = model.run(other, alone);
    assertThat(batch.get(1).logits()).isEqualTo(expected.logits());
    assertThat(batch.get(1).activations()).isEqualTo(expected.activations());
  }

  @Test
  void run_editBehindTheBlocksAtARowThatIsNotComputed_isRefused() {
    Selection first = Selection.ALL.positions(0);
    for (String hook : List.of("unembed.hook_out", "unembed.hook_in", "ln_final.hook_normalized")) {
      HookPlan plan = HookPlan.builder().scale(hook, first, 0).build();
      CALLS.clear();
      assertThatThrownBy(() -> model.run(PROMPT, plan))
          .isInstanceOf(UsageException.class)
          .hasMessage(
              "edit of %s at position 0 could not act: this pass computes it at positions [5] only; ask for the logits or a read of that position"
                  .formatted(hook));
      assertThat(CALLS).doesNotContain("embed", "multiply");
      assertThatThrownBy(() ->
              model.generate(PROMPT, GenerationOptions.greedy(2), plan, GenerationListener.NONE))
          .isInstanceOf(UsageException.class);
      RunResult all = model.run(RunRequest.of(PROMPT).plan(plan).logits(Logits.ALL)).getFirst();
      assertThat(all.logits()[3])
          .isNotEqualTo(model.run(RunRequest.of(PROMPT).logits(Logits.ALL)).getFirst().logits()[3]);
    }
    HookPlan later =
        HookPlan.builder()
            .scale("unembed.hook_out", Selection.ALL.positions(6).steps(Steps.ALL), -1)
            .build();
    GenerationOptions three = GenerationOptions.greedy(3).ignoringEos();
    assertThat(model.generate(PROMPT, three, later, GenerationListener.NONE).ids()[1])
        .isNotEqualTo(model.generate(PROMPT, three).ids()[1]);
  }

  @Test
  void run_stopAndLogits_contradictEachOther() {
    RunRequest both = RunRequest.of(PROMPT).stopAt(1).logits(Logits.ALL);
    assertThatThrownBy(() -> model.run(both))
        .isInstanceOf(UsageException.class)
        .hasMessage(
            "a run that stops in front of block 1 has no logits and no loss: ask for one or the other");
    assertThatThrownBy(() -> model.run(RunRequest.of(PROMPT).stopAt(1).withLoss()))
        .isInstanceOf(UsageException.class);
  }

  @Test
  void run_hooksOfEveryKind_giveAllBuffersBack() {
    List<HookPlan> plans =
        List.of(
            HookPlan.NONE,
            HookPlan.reading("*", "optional:*"),
            HookPlan.builder().scale("blocks.*.hook_attn_in", 2).build(),
            HookPlan.builder()
                .scale("blocks.*.hook_k_input", 2)
                .read("blocks.1.hook_v_input")
                .build());
    for (HookPlan plan : plans) {
      for (Logits logits : List.of(Logits.LAST, Logits.NONE)) {
        if (plan.reads().isEmpty() && logits == Logits.NONE) {
          continue;
        }
        CALLS.clear();
        model.run(RunRequest.of(PROMPT).plan(plan).logits(logits));
        long taken =
            CALLS.stream().filter(c -> c.startsWith("allocate") || c.equals("indices")).count();
        assertThat(CALLS.stream().filter("release"::equals))
            .as(plan.toString())
            .hasSize((int) taken);
      }
    }
    CALLS.clear();
    HookPlan throwing =
        HookPlan.builder()
            .scale("blocks.0.hook_q_input", 2)
            .function(
                "blocks.0.hook_v_input",
                Selection.ALL,
                view -> {
                  throw new IllegalStateException("mine");
                })
            .build();
    assertThatThrownBy(() -> model.run(PROMPT, throwing)).hasMessage("mine");
    long taken =
        CALLS.stream().filter(c -> c.startsWith("allocate") || c.equals("indices")).count();
    assertThat(CALLS.stream().filter("release"::equals)).hasSize((int) taken);
  }

  @Test
  void open_backendThatIsNotThere_isOneLine() {
    assertThatThrownBy(() -> Model.open("demo-gpt2", new ModelOptions("gpu", 0)))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("got gpu");
  }

  @Test
  void close_whileARunUsesTheModel_isRefusedAndTheRunGoesOn() {
    Model own = TestModels.open("gpt2-tiny", "cpu", 1);
    List<RuntimeException> thrown = new ArrayList<>();
    EditFunction closing =
        view -> {
          try {
            own.close();
          } catch (ModelException e) {
            thrown.add(e);
          }
        };
    HookPlan plan =
        HookPlan.builder()
            .edit("hook_embed", Selection.ALL, new Operation.Function(closing))
            .build();
    assertThat(own.run(PROMPT, plan).logits()).isEqualTo(model.run(PROMPT).logits());
    assertThat(thrown).hasSize(1);
    assertThat(thrown.getFirst())
        .hasMessageEndingWith("is in use by 1 runs: close it when they have ended");
    own.close();
    own.close();
    assertThatThrownBy(() -> own.run(PROMPT))
        .isInstanceOf(ModelException.class)
        .hasMessageEndingWith("is closed: open it again");
  }

  @Test
  void run_functionThrows_leavesTheModelAsItWas() {
    float[] before = model.run(PROMPT).logits();
    HookPlan plan =
        HookPlan.builder()
            .edit(
                "blocks.1.hook_k_input",
                Selection.ALL,
                new Operation.Function(view -> {
                  throw new IllegalStateException("mine");
                }))
            .build();
    assertThatThrownBy(() -> model.run(PROMPT, plan)).hasMessage("mine");
    assertThat(model.run(PROMPT).logits()).isEqualTo(before);
  }

  @Test
  void run_manyThreadsOneModel_eachGetsItsOwn() throws Exception {
    Model shared = TestModels.open("llama-gqa", "cpu", 2);
    HookPlan scaled =
        HookPlan.builder()
            .edit("blocks.0.hook_mlp_out", Selection.ALL, new Operation.Scale(3))
            .build();
    float[] plain = shared.run(PROMPT).logits();
    float[] edited = shared.run(PROMPT, scaled).logits();
    assertThat(edited).isNotEqualTo(plain);
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Callable<float[]>> work = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        HookPlan plan = i % 2 == 0 ? HookPlan.NONE : scaled;
        work.add(() -> shared.run(PROMPT, plan).logits());
      }
      List<Future<float[]>> done = threads.invokeAll(work);
      for (int i = 0; i < done.size(); i++) {
        assertThat(done.get(i).get()).isEqualTo(i % 2 == 0 ? plain : edited);
      }
    }
    shared.close();
  }
}
