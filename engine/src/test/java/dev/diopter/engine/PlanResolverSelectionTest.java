package dev.diopter.engine;

import static dev.diopter.engine.PlanConfigs.GPT2;
import static dev.diopter.engine.PlanConfigs.LLAMA;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.models.DecoderConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlanResolverSelectionTest {
  private static final PromptSpan TEN = new PromptSpan(0, 10, 0);
  private static final PromptSpan FIVE = new PromptSpan(0, 5, 0);
  private static final PromptSpan CACHED = new PromptSpan(6, 10, 0);
  private static final PromptSpan GENERATING = new PromptSpan(0, 10, 3);

  private static ResolvedSelection resolve(String hook, Selection where, PromptSpan... spans) {
    return resolve(hook, where, LLAMA, spans);
  }

  private static ResolvedSelection resolve(
      String hook, Selection where, DecoderConfig config, PromptSpan... spans) {
    HookPlan plan = HookPlan.builder().read(hook, where).zero(hook, where).build();
    ResolvedPlan resolved = PlanResolver.resolve(plan, config, spans);
    assertThat(resolved.edits()).hasSameSizeAs(resolved.reads());
    return resolved.reads().getFirst().where();
  }

  /** Reads and edits go by the same rules; messages name the entry and the hook. */
  private static void assertFails(
      String hook, Selection where, String message, PromptSpan... spans) {
    assertThatThrownBy(
            () -> PlanResolver.resolve(HookPlan.builder().read(hook, where).build(), LLAMA, spans))
        .isInstanceOf(UsageException.class)
        .hasMessageStartingWith("reads[0] " + HookNames.resolve(hook, LLAMA).getFirst() + ": ")
        .hasMessageContaining(message)
        .message()
        .hasLineCount(1);
    assertThatThrownBy(
            () -> PlanResolver.resolve(HookPlan.builder().zero(hook, where).build(), LLAMA, spans))
        .isInstanceOf(UsageException.class)
        .hasMessageStartingWith("edits[0] ")
        .hasMessageContaining(message);
  }

  @Test
  void resolve_all_staysNull() {
    ResolvedSelection all = resolve("pattern0", Selection.ALL, TEN);
    assertThat(all).isEqualTo(new ResolvedSelection(null, null, null, null, Steps.PROMPT));
  }

  @Test
  void resolve_negativeNumbers_countFromTheEndOfEachPrompt() {
    ResolvedSelection where =
        resolve(
            "pattern0",
            Selection.ALL.positions(-1, 2).heads(-1, 0).keys(-4, 0).sequences(-1, 0),
            TEN,
            FIVE);
    assertThat(where.positions()).isDeepEqualTo(new int[][] {{9, 2}, {4, 2}});
    assertThat(where.heads()).containsExactly(3, 0);
    assertThat(where.keys()).isDeepEqualTo(new int[][] {{6, 0}, {1, 0}});
    assertThat(where.sequences()).containsExactly(true, true);
  }

  @Test
  void resolve_someSequences_leaveTheOthersEmptyAndUnchecked() {
    ResolvedSelection where =
        resolve("pattern0", Selection.ALL.sequences(0).positions(8).keys(7), TEN, FIVE);
    assertThat(where.positions()).isDeepEqualTo(new int[][] {{8}, {}});
    assertThat(where.keys()).isDeepEqualTo(new int[][] {{7}, {}});
    assertThat(where.sequences()).containsExactly(true, false);
    assertThat(where.covers(0, 0)).isTrue();
    assertThat(where.covers(1, 0)).isFalse();
  }

  @Test
  void resolve_pattern_expandsToOnePointForEachLayer() {
    ResolvedPlan plan =
        PlanResolver.resolve(
            HookPlan.builder()
                .read("z:*,embed")
                .zero("resid_pre:*")
                .scale("resid_pre:0", 2)
                .build(),
            LLAMA,
            TEN);
    assertThat(plan.reads())
        .extracting(r -> r.point().name())
        .containsExactly("blocks.0.attn.hook_z", "blocks.1.attn.hook_z", "hook_embed");
    assertThat(plan.edits())
        .extracting(e -> e.point() + " " + e.operation().name())
        .containsExactly(
            "blocks.0.hook_resid_pre zero",
            "blocks.1.hook_resid_pre zero",
            "blocks.0.hook_resid_pre scale");
  }

  @ParameterizedTest
  @ValueSource(ints = {10, -11, Integer.MAX_VALUE, Integer.MIN_VALUE})
  void resolve_positionOutOfRange_namesTheRange(int position) {
    assertFails(
        "resid_pre:0",
        Selection.ALL.positions(0, position),
        "positions: expected 0..9 (or -10..-1 from the end of the prompt), got " + position,
        TEN);
  }

  @Test
  void resolve_positionOutOfRangeInOneSequence_namesTheSequence() {
    assertFails(
        "resid_pre:0",
        Selection.ALL.positions(7),
        "positions of sequence 1: expected 0..4",
        TEN,
        FIVE);
  }

  @Test
  void resolve_cachedPosition_isRefused() {
    assertFails(
        "resid_pre:0",
        Selection.ALL.positions(5),
        "5 lies in the cached part, which this pass does not compute; expected 6..9 (or -4..-1",
        CACHED);
    assertFails(
        "resid_pre:0", Selection.ALL.positions(8, -5), "-5 lies in the cached part", CACHED);
    assertThat(resolve("resid_pre:0", Selection.ALL.positions(-1, 6), CACHED).positions())
        .isDeepEqualTo(new int[][] {{9, 6}});
  }

  @Test
  void resolve_nothingToCompute_isRefused() {
    assertFails("resid_pre:0", Selection.ALL, "selects nothing", new PromptSpan(10, 10, 0));
    assertFails("resid_pre:0", Selection.ALL, "selects nothing", new PromptSpan(10, 10, 2));
    assertThat(
            resolve("resid_pre:0", Selection.ALL.steps(Steps.ALL), new PromptSpan(10, 10, 2))
                .positions())
        .isNull();
  }

  @Test
  void resolve_headOutOfRange_namesTheRangeOfItsAxis() {
    assertFails(
        "z0", Selection.ALL.heads(4), "heads: expected 0..3 (or -4..-1 from the end), got 4", TEN);
    assertFails("z0", Selection.ALL.heads(-5), "got -5", TEN);
    for (String hook : new String[] {"k0", "v0", "rot_k0", "k_input0", "v_input0"}) {
      assertFails(
          hook,
          Selection.ALL.heads(2),
          "heads (key/value heads): expected 0..1 (or -2..-1 from the end), got 2",
          TEN);
    }
    for (String hook :
        new String[] {
          "q0", "rot_q0", "pattern0", "attn_scores0", "result0", "attn_in0", "q_input0"
        }) {
      assertThat(resolve(hook, Selection.ALL.heads(3), TEN).heads()).containsExactly(3);
    }
  }

  @Test
  void resolve_sequenceOutOfRange_namesTheRange() {
    assertFails(
        "z0",
        Selection.ALL.sequences(2),
        "sequences: expected 0..1 (or -2..-1 from the end), got 2",
        TEN,
        FIVE);
  }

  @Test
  void resolve_axisThatThePointLacks_isRefused() {
    assertFails(
        "resid_pre:0",
        Selection.ALL.heads(0),
        "heads: blocks.{l}.hook_resid_pre has no head axis, its shape is [pos, model 32]",
        TEN);
    assertFails("scale0ln1", Selection.ALL.heads(0), "no head axis", TEN);
    assertFails(
        "z0",
        Selection.ALL.keys(0),
        "keys: blocks.{l}.attn.hook_z has no key axis, its shape is [pos, head 4, head_dim 8]",
        TEN);
    assertFails("k0", Selection.ALL.keys(0), "no key axis", TEN);
  }

  @Test
  void resolve_emptySelector_isRefused() {
    assertFails(
        "pattern0",
        Selection.ALL.positions(new int[0]),
        "positions: expected at least one number, got none",
        TEN);
    assertFails(
        "pattern0",
        Selection.ALL.heads(new int[0]),
        "heads: expected at least one number, got none",
        TEN);
    assertFails(
        "pattern0",
        Selection.ALL.keys(new int[0]),
        "keys: expected at least one number, got none",
        TEN);
    assertFails(
        "pattern0",
        Selection.ALL.sequences(new int[0]),
        "sequences: expected at least one number, got none",
        TEN);
    assertThatThrownBy(Steps::of).isInstanceOf(UsageException.class);
  }

  @Test
  void resolve_duplicate_isRefused() {
    assertFails("pattern0", Selection.ALL.positions(9, -1), "positions: 9 occurs twice", TEN);
    assertFails("pattern0", Selection.ALL.heads(1, 0, 1), "heads: 1 occurs twice", TEN);
    assertFails("pattern0", Selection.ALL.keys(0, -10), "keys: 0 occurs twice", TEN);
    assertFails("pattern0", Selection.ALL.sequences(0, -1), "sequences: 0 occurs twice", TEN);
  }

  @Test
  void resolve_duplicateInOneOfSeveralPrompts_isRefused() {
    assertFails(
        "resid_pre:0",
        Selection.ALL.positions(4, -1),
        "positions of sequence 1: 4 occurs twice",
        TEN,
        FIVE);
  }

  @Test
  void resolve_keyOutOfRange_namesTheRange() {
    assertFails(
        "pattern0",
        Selection.ALL.keys(10),
        "keys: expected 0..9 (or -10..-1 from the end of the prompt), got 10",
        TEN);
    assertFails("attn_scores0", Selection.ALL.keys(-11), "got -11", TEN);
    assertThat(resolve("pattern0", Selection.ALL.keys(0, 5), CACHED).keys())
        .isDeepEqualTo(new int[][] {{0, 5}});
  }

  @Test
  void resolve_onlyMaskedCells_isRefused() {
    assertFails(
        "pattern0",
        Selection.ALL.positions(2, 4).keys(5, 6),
        "keys: selects nothing; every selected key lies behind every selected query, the last of which is 4",
        TEN);
    assertThat(resolve("pattern0", Selection.ALL.positions(2, 4).keys(4, 6), TEN).keys())
        .isDeepEqualTo(new int[][] {{4, 6}});
  }

  @Test
  void resolve_onlyMaskedCellsInOneSequence_isRefused() {
    assertFails(
        "pattern0",
        Selection.ALL.positions(3).keys(-1),
        "keys of sequence 0: selects nothing",
        TEN,
        new PromptSpan(0, 4, 0));
  }

  @Test
  void resolve_stepThatNeverComes_isRefused() {
    assertFails(
        "z0",
        Selection.ALL.steps(Steps.of(1)),
        "step 1 never comes; expected 0, the pass over the prompt",
        TEN);
    assertFails(
        "z0", Selection.ALL.steps(Steps.of(0, 4)), "step 4 never comes; expected 0..3", GENERATING);
    assertThat(resolve("z0", Selection.ALL.steps(Steps.of(3)), GENERATING).steps())
        .isEqualTo(Steps.of(3));
    assertThat(resolve("z0", Selection.ALL.steps(Steps.ALL), TEN).steps()).isEqualTo(Steps.ALL);
  }

  @Test
  void resolve_stepThatNeverComesForOneSequence_isRefused() {
    assertFails(
        "z0",
        Selection.ALL.steps(Steps.of(2)),
        "of sequence 1: selects nothing",
        GENERATING,
        new PromptSpan(0, 5, 1));
  }

  @Test
  void resolve_positionOfANewToken_needsItsStep() {
    assertThat(
            resolve("z0", Selection.ALL.positions(11).steps(Steps.of(2)), GENERATING).positions())
        .isDeepEqualTo(new int[][] {{11}});
    assertThat(
            resolve("z0", Selection.ALL.positions(3, 12).steps(Steps.ALL), GENERATING).positions())
        .isDeepEqualTo(new int[][] {{3, 12}});
    assertFails("z0", Selection.ALL.positions(11), "expected 0..9", GENERATING);
    assertFails("z0", Selection.ALL.positions(13).steps(Steps.ALL), "expected 0..12", GENERATING);
    assertFails(
        "z0",
        Selection.ALL.positions(11).steps(Steps.of(1)),
        "11 is computed at step 2, which is not among steps [1]",
        GENERATING);
    assertFails(
        "z0",
        Selection.ALL.positions(-1).steps(Steps.of(1)),
        "-1 is computed at step 0",
        GENERATING);
  }

  @Test
  void resolve_stepWithoutSelectedPosition_isRefused() {
    assertFails(
        "z0",
        Selection.ALL.positions(9).steps(Steps.of(0, 2)),
        "no selected position is computed at step 2",
        GENERATING);
  }

  @Test
  void resolve_keyOfANewToken_needsItsStep() {
    assertThat(resolve("pattern0", Selection.ALL.keys(12).steps(Steps.ALL), GENERATING).keys())
        .isDeepEqualTo(new int[][] {{12}});
    assertFails("pattern0", Selection.ALL.keys(10), "keys: expected 0..9", GENERATING);
    assertFails(
        "pattern0", Selection.ALL.keys(12).steps(Steps.of(1)), "keys: expected 0..10", GENERATING);
  }

  @Test
  void resolve_unknownHook_namesTheEntry() {
    HookPlan plan = HookPlan.builder().read("embed").read("hook_embd").build();
    assertThatThrownBy(() -> PlanResolver.resolve(plan, LLAMA, TEN))
        .isInstanceOf(UsageException.class)
        .hasMessage("reads[1]: unknown hook \"hook_embd\"; did you mean hook_embed?");
    assertThatThrownBy(
            () -> PlanResolver.resolve(HookPlan.builder().zero("rot_q0").build(), GPT2, TEN))
        .hasMessageStartingWith("edits[0]: hook rot_q0: this model (gpt2) has no");
  }

  @Test
  void resolve_sameReadTwice_isOneRead() {
    HookPlan plan =
        HookPlan.reading("*", "embed")
            .and(HookPlan.builder().read("z0", Selection.ALL, Read.When.BEFORE).build());
    assertThat(PlanResolver.resolve(plan, LLAMA, TEN).reads())
        .hasSize(HookNames.resolve("*", LLAMA).size() + 1);
  }

  @Test
  void resolve_twoPartsOfOnePoint_areRefusedUnlessTheyNeverMeet() {
    HookPlan.Builder whole = HookPlan.builder().read("z0");
    assertThatThrownBy(() ->
            PlanResolver.resolve(whole.read("z0", Selection.ALL.positions(1)).build(), LLAMA, TEN))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("reads[1] blocks.0.attn.hook_z: is read already");
    HookPlan apart =
        HookPlan.builder()
            .read("z0", Selection.ALL.sequences(0).heads(0))
            .read("z0", Selection.ALL.sequences(1).heads(1))
            .read("z1", Selection.ALL.heads(0))
            .read("z1", Selection.ALL.heads(1).steps(Steps.of(1)))
            .build();
    assertThat(PlanResolver.resolve(apart, LLAMA, GENERATING, GENERATING).reads()).hasSize(4);
  }

  @Test
  void resolve_splitInputAndNormOfOneLayer_areRefused() {
    for (String split : new String[] {"attn_in", "q_input", "k_input", "v_input"}) {
      for (String norm : new String[] {"scale:1:ln1", "normalized:1:ln1"}) {
        HookPlan plan = HookPlan.builder().zero(norm).zero(split + ":1").build();
        assertThatThrownBy(() -> PlanResolver.resolve(plan, LLAMA, TEN))
            .isInstanceOf(UsageException.class)
            .hasMessageContaining("hook_" + split + " and blocks.1.ln1.hook_");
        HookPlan apart =
            HookPlan.builder()
                .zero(norm)
                .zero(split + ":0")
                .read(split + ":1")
                .zero("scale1ln2")
                .build();
        assertThat(PlanResolver.resolve(apart, LLAMA, TEN).edits()).hasSize(3);
      }
    }
  }
}
