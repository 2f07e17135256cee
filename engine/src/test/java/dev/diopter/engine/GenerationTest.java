package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.models.ModelException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Token by token: where it stops, how it draws, at which steps hooks act. */
class GenerationTest {
  private static final Prompt PROMPT = Prompt.ofIds(5, 9, 2, 44);
  private static Model model; // llama, 2 layers, context 64, EOS 2
  private static Model demo;

  @BeforeAll
  static void open() {
    model = TestModels.open("llama-gqa", "cpu", 2);
    demo = TestModels.open("demo-gpt2", "cpu", 2);
  }

  @AfterAll
  static void close() {
    model.close();
    demo.close();
  }

  private static GenerationResult greedy(int tokens, HookPlan plan) {
    return model.generate(
        PROMPT, GenerationOptions.greedy(tokens).ignoringEos(), plan, GenerationListener.NONE);
  }

  @Test
  void generate_greedy_isTheArgmaxOfFullPasses() {
    int[] ids = PROMPT.ids();
    for (int id : greedy(6, HookPlan.NONE).ids()) {
      float[] logits = model.run(Prompt.ofIds(ids)).lastLogits();
      assertThat(id).isEqualTo(LogProbabilities.top(logits, 1)[0]);
      ids = Arrays.copyOf(ids, ids.length + 1);
      ids[ids.length - 1] = id;
    }
  }

  @Test
  void generate_earlyExit_decodesFromThePointAndRefusesOthers() {
    int vocabulary = model.config().vocabulary();
    EarlyExit.Head first =
        row -> {
          assertThat(row).hasSize(model.config().width());
          float[] logits = new float[vocabulary];
          logits[7] = 1;
          return logits;
        };
    GenerationOptions three = GenerationOptions.greedy(3);
    List<GenerationResult> out =
        model.generate(
            List.of(PROMPT),
            new EarlyExit("blocks.1.hook_resid_mid", first),
            three,
            HookPlan.NONE,
            GenerationListener.NONE);
    assertThat(out.getFirst().ids()).containsExactly(7, 7, 7);
    assertThat(out.getFirst().steps().get(1).activations()).hasSize(1);
    for (String hook : List.of("blocks.9.hook_resid_pre", "blocks.0.attn.hook_q", "nonsense")) {
      assertThatThrownBy(() ->
              model.generate(
                  List.of(PROMPT),
                  new EarlyExit(hook, first),
                  three,
                  HookPlan.NONE,
                  GenerationListener.NONE))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("early exit");
    }
    assertThatThrownBy(() ->
            model.generate(
                List.of(PROMPT),
                new EarlyExit("blocks.0.hook_resid_pre", row -> row),
                three,
                HookPlan.NONE,
                GenerationListener.NONE))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("expected %d logits".formatted(vocabulary));
  }

  @Test
  void generate_endOfText_stopsAndIsKept() {
    Prompt prompt =
        demo.prompt("When Mary and John went to the store, John gave a book to", PromptOptions.BOS);
    GenerationResult out = demo.generate(prompt, GenerationOptions.greedy(30));
    assertThat(out.stopped()).isEqualTo(GenerationResult.Stop.EOS);
    assertThat(out.ids()[out.ids().length - 1]).isZero();
    assertThat(demo.tokenizer().decode(Arrays.copyOf(out.ids(), out.ids().length - 1)))
        .isEqualTo(" Mary.");
    GenerationResult on = demo.generate(prompt, GenerationOptions.greedy(30).ignoringEos());
    assertThat(on.stopped()).isEqualTo(GenerationResult.Stop.LENGTH);
    assertThat(on.ids()).hasSize(30).startsWith(out.ids());
  }

  @Test
  void generate_endOfContext_stopsThere() {
    Prompt longPrompt = Prompt.ofIds(IntStream.range(0, 60).map(i -> i % 50 + 3).toArray());
    GenerationResult out = model.generate(longPrompt, GenerationOptions.greedy(50).ignoringEos());
    assertThat(out.stopped()).isEqualTo(GenerationResult.Stop.CONTEXT);
    assertThat(out.ids()).hasSize(5); // positions 60..63 are fed, the fifth token needs no pass
  }

  @Test
  void generate_listener_hearsEveryToken() {
    List<String> heard = new ArrayList<>();
    GenerationResult out =
        model.generate(
            PROMPT,
            GenerationOptions.greedy(4).ignoringEos(),
            HookPlan.NONE,
            (sequence, step, id) -> heard.add(sequence + ":" + step + ":" + id));
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      expected.add("0:" + i + ":" + out.ids()[i]);
    }
    assertThat(heard).isEqualTo(expected);
  }

  @Test
  void generate_editAtThePromptOnly_actsAtStepZeroAlone() {
    HookPlan counting = counting(Selection.ALL);
    greedy(4, counting);
    assertThat(SEEN).containsExactly("step 0 positions [0, 1, 2, 3]");
  }

  @Test
  void generate_editAtChosenSteps_actsThere() {
    greedy(4, counting(Selection.ALL.steps(Steps.of(1, 3))));
    assertThat(SEEN).containsExactly("step 1 positions [4]", "step 3 positions [6]");
    greedy(3, counting(Selection.ALL.steps(Steps.ALL)));
    assertThat(SEEN)
        .containsExactly(
            "step 0 positions [0, 1, 2, 3]", "step 1 positions [4]", "step 2 positions [5]");
  }

  private static final List<String> SEEN = new ArrayList<>();

  private static HookPlan counting(Selection where) {
    SEEN.clear();
    EditFunction note =
        view -> SEEN.add("step " + view.step() + " positions " + Arrays.toString(view.positions()));
    return HookPlan.builder()
        .edit("blocks.1.hook_resid_pre", where, new Operation.Function(note))
        .build();
  }

  @Test
  void generate_stepThatCanNeverCome_isRefused() {
    assertThatThrownBy(() -> greedy(3, counting(Selection.ALL.steps(Steps.of(3)))))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("step");
  }

  @Test
  void generate_stepsBehindTheContext_neverCome() {
    Prompt longPrompt = Prompt.ofIds(IntStream.range(0, 60).map(i -> i % 50 + 3).toArray());
    HookPlan late = counting(Selection.ALL.steps(Steps.of(5)));
    GenerationOptions endless = GenerationOptions.greedy(Integer.MAX_VALUE).ignoringEos();
    assertThatThrownBy(() -> model.generate(longPrompt, endless, late, GenerationListener.NONE))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("step 5 never comes");
    HookPlan last = counting(Selection.ALL.steps(Steps.of(4)));
    model.generate(longPrompt, endless, last, GenerationListener.NONE);
    assertThat(SEEN).containsExactly("step 4 positions [63]");
  }

  @Test
  void generate_logitsThatAreNotNumbers_isAnError() {
    HookPlan.Builder plan =
        HookPlan.builder()
            .function("unembed.hook_out", Selection.ALL, v -> Arrays.fill(v.values(), Float.NaN))
            .allowNonFinite();
    assertThatThrownBy(() -> greedy(2, plan.build()))
        .isInstanceOf(ModelException.class)
        .hasMessageStartingWith("the logits of step 0 are NaN");
    assertThat(LogProbabilities.top(new float[] {Float.NaN, 1, 3, Float.NaN, 2}, 4))
        .containsExactly(2, 4, 1, 0);
  }

  @Test
  void generate_longerThanTheRoomAhead_keepsTheBitsOfAFullPass() {
    Prompt prompt = Prompt.ofIds(0, 5, 6);
    int[] ids = demo.generate(prompt, GenerationOptions.greedy(253).ignoringEos()).ids();
    int[] all = IntStream.concat(IntStream.of(0, 5, 6), Arrays.stream(ids)).limit(255).toArray();
    float[] logits = demo.run(Prompt.ofIds(all)).lastLogits();
    assertThat(ids[252]).isEqualTo(LogProbabilities.top(logits, 1)[0]);
  }

  @Test
  void generate_editOfKeys_staysInTheCache() {
    Selection one = Selection.ALL.positions(1);
    assertStaysInCache("blocks.0.attn.hook_rot_k", one, true);
    assertStaysInCache("blocks.0.attn.hook_v", one, true);
    assertStaysInCache("blocks.0.attn.hook_k", one, true);
  }

  /**
   * At step 1 the second block's pattern or mix shows whether position 1's key or value is still
   * the edited one.
   */
  private static void assertStaysInCache(String hook, Selection where, boolean stays) {
    HookPlan read =
        HookPlan.builder().read("blocks.0.attn.hook_z", Selection.ALL.steps(Steps.of(1))).build();
    HookPlan edit = HookPlan.builder().edit(hook, where, new Operation.Scale(4)).build();
    GenerationResult edited = greedy(2, edit.and(read));
    // The same first token, so that both second passes feed the same id.
    int first = edited.ids()[0];
    Prompt longer = Prompt.ofIds(5, 9, 2, 44, first);
    HookPlan whole =
        HookPlan.builder()
            .edit(hook, where, new Operation.Scale(4))
            .read("blocks.0.attn.hook_z", Selection.ALL.positions(4))
            .build();
    float[] expected = model.run(longer, whole).activation("blocks.0.attn.hook_z").values();
    float[] plain =
        model
            .run(
                longer,
                HookPlan.builder().read("blocks.0.attn.hook_z", Selection.ALL.positions(4)).build())
            .activation("blocks.0.attn.hook_z")
            .values();
    float[] found = edited.steps().get(1).activation("blocks.0.attn.hook_z").values();
    assertThat(found).isEqualTo(expected);
    assertThat(found).isNotEqualTo(plain);
  }

  @Test
  void generate_sameSeed_givesTheSameTokensAndAnotherSeedOthers() {
    GenerationOptions options = GenerationOptions.sampling(20, 1.5, 1).ignoringEos();
    int[] first = model.generate(PROMPT, options).ids();
    assertThat(model.generate(PROMPT, options).ids()).isEqualTo(first);
    assertThat(model.generate(PROMPT, GenerationOptions.sampling(20, 1.5, 2).ignoringEos()).ids())
        .isNotEqualTo(first);
  }

  @Test
  void next_topKAndTopP_drawOnlyFromTheirSets() {
    float[] logits = {1, 3, 2, 0, 2.5f}; // order 1, 4, 2, 0, 3
    double[] p = LogProbabilities.probabilities(logits);
    assertDraws(
        GenerationOptions.sampling(1, 1, 3).withTopK(2),
        logits,
        new double[] {0, p[1], 0, 0, p[4]});
    // 0.44 + 0.27 < 0.8 <= 0.44 + 0.27 + 0.16: the token that crosses is kept
    assertThat(p[1] + p[4]).isLessThan(0.8);
    assertDraws(
        GenerationOptions.sampling(1, 1, 4).withTopP(0.8),
        logits,
        new double[] {0, p[1], p[2], 0, p[4]});
    assertDraws(GenerationOptions.sampling(1, 1, 5), logits, p);
    double[] hot = LogProbabilities.probabilities(new float[] {0.5f, 1.5f, 1, 0, 1.25f});
    assertDraws(GenerationOptions.sampling(1, 2, 6), logits, hot);
  }

  /** 20,000 draws lie within five standard deviations of what the weights say. */
  private static void assertDraws(GenerationOptions options, float[] logits, double[] weights) {
    int draws = 20_000;
    double sum = Arrays.stream(weights).sum();
    int[] counts = new int[logits.length];
    Sampler sampler = new Sampler(options);
    for (int i = 0; i < draws; i++) {
      counts[sampler.next(logits.clone(), new int[0])]++;
    }
    for (int i = 0; i < counts.length; i++) {
      double p = weights[i] / sum;
      assertThat(Math.abs(counts[i] - p * draws))
          .isLessThanOrEqualTo(5 * Math.sqrt(draws * p * (1 - p)));
    }
  }

  @Test
  void next_repetitionPenalty_lowersSeenTokensOnce() {
    Sampler sampler = new Sampler(GenerationOptions.greedy(1).withRepetitionPenalty(2));
    assertThat(sampler.next(new float[] {3, 2, -1}, new int[] {0, 0, 0})).isEqualTo(1);
    assertThat(sampler.next(new float[] {-1, -3, -1.5f}, new int[] {0})).isEqualTo(2);
  }

  @Test
  void options_outOfRange_areRefused() {
    assertThatThrownBy(() -> GenerationOptions.greedy(0))
        .hasMessage("max new tokens: expected 1 or more, got 0");
    assertThatThrownBy(() -> GenerationOptions.sampling(1, -1, 0))
        .hasMessage("temperature: expected 0 or more, got -1.0");
    assertThatThrownBy(() -> GenerationOptions.sampling(1, 1, 0).withTopP(0))
        .hasMessage("top-p: expected more than 0 and at most 1, got 0.0");
    assertThatThrownBy(() -> GenerationOptions.sampling(1, 1, 0).withTopK(-1))
        .hasMessage("top-k: expected 0 (all) or more, got -1");
  }
}
