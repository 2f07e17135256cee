package dev.diopter.engine;

import static dev.diopter.engine.PlanConfigs.LLAMA;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Which arrays fit which selection. The model is 32 wide, with 4 heads of 8 on 2 key/value heads;
 * the prompt has 5 tokens.
 */
class PlanResolverValueTest {
  static final PromptSpan FIVE = new PromptSpan(0, 5, 0);
  static final PromptSpan GENERATING = new PromptSpan(0, 5, 3);

  static Operation.Value value(int... shape) {
    float[] data = new float[Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < data.length; i++) {
      data[i] = i + 1;
    }
    return new Operation.Value(shape, data);
  }

  static int[] shape(String text) {
    return Arrays.stream(text.split(" ")).mapToInt(Integer::parseInt).toArray();
  }

  private static Selection selection(String text) {
    Selection where = Selection.ALL;
    for (String part : text == null ? new String[0] : text.split(" ")) {
      int[] numbers =
          Arrays.stream(part.substring(1).split("/")).mapToInt(Integer::parseInt).toArray();
      where =
          switch (part.charAt(0)) {
            case 'p' -> where.positions(numbers);
            case 'h' -> where.heads(numbers);
            default -> where.keys(numbers);
          };
    }
    return where;
  }

  static ResolvedEdit resolve(
      String hook, Selection where, Operation operation, PromptSpan... spans) {
    return PlanResolver.resolve(
            HookPlan.builder().edit(hook, where, operation).build(), LLAMA, spans)
        .edits()
        .getFirst();
  }

  static void assertFails(
      String hook, Selection where, Operation operation, String message, PromptSpan... spans) {
    assertThatThrownBy(() -> resolve(hook, where, operation, spans))
        .isInstanceOf(UsageException.class)
        .hasMessageStartingWith("edits[0] ")
        .hasMessageContaining(message)
        .message()
        .hasLineCount(1);
  }

  @ParameterizedTest
  @CsvSource({
    // hook, selection, shapes that are the selection's
    "resid_pre:0, , 5 32",
    "resid_pre:0, , 1 5 32",
    "resid_pre:0, p1/3, 2 32",
    "z0, , 5 4 8",
    "z0, h2, 5 1 8",
    "z0, h2, 5 8",
    "z0, p3, 4 8",
    "z0, p3, 1 4 8",
    "k0, , 5 2 8",
    "pattern0, , 4 5 5",
    "pattern0, , 1 4 5 5",
    "pattern0, h1, 5 5",
    "pattern0, h1 p2/3, 2 5",
    "pattern0, k0/1, 4 5 2",
    "pattern0, k0, 4 5",
    "pattern0, k0 h3, 5",
    "scale0ln1, , 5 1",
    "scale0ln1, , 5",
    "scale0ln1, p1/2, 2",
  })
  void resolve_exactShape_isNormalised(String hook, String where, String shape) {
    for (Operation operation :
        new Operation[] {
          new Operation.Replace(value(shape(shape)), false),
          new Operation.Add(value(shape(shape))),
          new Operation.Interpolate(value(shape(shape)), 0.5f)
        }) {
      ResolvedEdit edit = resolve(hook, selection(where), operation, FIVE);
      Operation.Value fitted =
          switch (edit.operation()) {
            case Operation.Replace r -> r.value();
            case Operation.Add a -> a.value();
            case Operation.Interpolate i -> i.value();
            default -> throw new AssertionError();
          };
      assertThat(fitted.shape()).hasSameSizeAs(edit.point().site().axes());
      assertThat(fitted.data()).isEqualTo(value(shape(shape)).data());
      assertThat(edit.where().positions()).isNotNull();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "resid_pre:0, p3, 32",
    "resid_pre:0, p3, 1 32",
    "resid_pre:0, p3, 1 1 32",
    "q_input0, h1 p4, 32",
    "z0, h1 p4, 1 1 1 8",
    "pattern0, h1 p4, 5",
    "pattern0, h1 p4 k0/1/2, 3",
    "pattern0, h1 p4 k2, 1",
    "scale0ln1, p3, 1",
  })
  void resolve_oneRow_takesAVector(String hook, String where, String shape) {
    ResolvedEdit edit =
        resolve(hook, selection(where), new Operation.Replace(value(shape(shape)), false), FIVE);
    assertThat(((Operation.Replace) edit.operation()).value().shape()).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource({
    "resid_pre:0, , 32",
    "z0, , 8",
    "z0, p1, 1 8",
    "pattern0, , 5",
    "pattern0, k0/1, 2",
    "scale0ln1, , 1",
  })
  void resolve_vectorForManyRows_needsBroadcastToReplace(String hook, String where, String shape) {
    Operation.Value vector = value(shape(shape));
    assertFails(
        hook,
        selection(where),
        new Operation.Replace(vector, false),
        "with broadcast, one vector",
        FIVE);
    for (Operation operation :
        new Operation[] {
          new Operation.Replace(vector, true),
          new Operation.Add(vector),
          new Operation.Interpolate(vector, 0.5f)
        }) {
      assertThat(resolve(hook, selection(where), operation, FIVE).where().positions())
          .isEqualTo(where == null || !where.startsWith("p") ? null : new int[][] {{1}});
    }
  }

  @ParameterizedTest
  @CsvSource({
    "resid_pre:0, , 4 32, '[5, 32] or one vector [32] for all rows, got [4, 32]'",
    "resid_pre:0, , 32 5, '[5, 32]'",
    "resid_pre:0, , 2 5 32, '[5, 32]'",
    "resid_pre:0, , 31, '[5, 32]'",
    "resid_pre:0, p1, 2 32, '[1, 32], got [2, 32]'",
    "z0, , 4 8, '[5, 4, 8]'",
    "z0, , 5 32, '[5, 4, 8]'",
    "z0, , 160, '[5, 4, 8]'",
    "z0, h2, 1 5 8, '[5, 1, 8]'",
    "k0, , 5 4 8, '[5, 2, 8]'",
    "pattern0, , 4 5 4, '[4, 5, 5]'",
    "scale0ln1, , 1 5, '[5, 1]'",
  })
  void resolve_otherShape_isRefused(String hook, String where, String shape, String message) {
    assertFails(hook, selection(where), new Operation.Add(value(shape(shape))), message, FIVE);
    assertFails(
        hook,
        selection(where),
        new Operation.Replace(value(shape(shape)), false),
        "expected shape",
        FIVE);
  }

  @Test
  void resolve_broadcastOfAnArray_isRefused() {
    assertFails(
        "resid_pre:0",
        Selection.ALL,
        new Operation.Replace(value(5, 32), true),
        "expected one vector [32] to broadcast, got shape [5, 32]",
        FIVE);
  }

  @Test
  void resolve_emptyValue_isRefused() {
    assertFails(
        "resid_pre:0",
        Selection.ALL,
        new Operation.Add(new Operation.Value(new int[] {0}, new float[0])),
        "expected numbers",
        FIVE);
    assertThatThrownBy(() -> new Operation.Value(new int[] {2}, new float[3]))
        .isInstanceOf(UsageException.class);
  }

  @Test
  void resolve_raggedBatch_mustFitEverySelectedSequence() {
    PromptSpan three = new PromptSpan(0, 3, 0);
    assertFails(
        "resid_pre:0",
        Selection.ALL,
        new Operation.Add(value(5, 32)),
        "value of sequence 1: expected shape [3, 32]",
        FIVE,
        three);
    assertThat(
            resolve(
                    "resid_pre:0",
                    Selection.ALL.sequences(0),
                    new Operation.Add(value(5, 32)),
                    FIVE,
                    three)
                .where()
                .positions())
        .isDeepEqualTo(new int[][] {{0, 1, 2, 3, 4}, {}});
    assertThat(
            resolve(
                    "resid_pre:0",
                    Selection.ALL.positions(-1, -2),
                    new Operation.Add(value(2, 32)),
                    FIVE,
                    three)
                .where()
                .positions())
        .isDeepEqualTo(new int[][] {{4, 3}, {2, 1}});
    assertFails(
        "pattern0", Selection.ALL, new Operation.Add(value(5)), "of sequence 1", FIVE, three);
  }

  @Test
  void resolve_cachedPrefix_countsTheNewPositions() {
    PromptSpan behind = new PromptSpan(3, 5, 0);
    assertThat(
            resolve("resid_pre:0", Selection.ALL, new Operation.Add(value(2, 32)), behind)
                .where()
                .positions())
        .isDeepEqualTo(new int[][] {{3, 4}});
    assertThat(
            resolve("pattern0", Selection.ALL, new Operation.Add(value(4, 2, 5)), behind)
                .where()
                .positions())
        .isDeepEqualTo(new int[][] {{3, 4}});
  }

  @Test
  void resolve_laterSteps_takeOneVector() {
    Selection always = Selection.ALL.steps(Steps.ALL);
    assertFails(
        "resid_pre:0",
        always,
        new Operation.Add(value(8, 32)),
        "expected one vector [32] because the selection goes on",
        GENERATING);
    assertFails(
        "resid_pre:0",
        always,
        new Operation.Replace(value(32), false),
        "expected one vector [32] with broadcast",
        GENERATING);
    assertThat(
            resolve("resid_pre:0", always, new Operation.Replace(value(32), true), GENERATING)
                .where()
                .positions())
        .isNull();
    assertThat(
            resolve("resid_pre:0", always, new Operation.Add(value(32)), GENERATING)
                .where()
                .positions())
        .isNull();
    assertThat(
            resolve("resid_pre:0", always, new Operation.Add(value(5, 32)), FIVE)
                .where()
                .positions())
        .isNotNull();
    assertThat(
            resolve(
                "resid_pre:0",
                Selection.ALL.steps(Steps.of(2)),
                new Operation.Replace(value(32), false),
                GENERATING))
        .isNotNull();
    assertThat(
            resolve(
                "resid_pre:0",
                Selection.ALL.positions(4, 6).steps(Steps.ALL),
                new Operation.Add(value(2, 32)),
                GENERATING))
        .isNotNull();
  }

  @Test
  void resolve_laterStepsOfPatterns_needKeys() {
    Selection always = Selection.ALL.steps(Steps.ALL);
    assertFails(
        "pattern0", always, new Operation.Add(value(5)), "the number of keys grows", GENERATING);
    assertThat(resolve("pattern0", always.keys(0, 1), new Operation.Add(value(2)), GENERATING))
        .isNotNull();
    assertFails(
        "pattern0",
        always.positions(4, 6),
        new Operation.Add(value(5)),
        "the number of keys grows",
        GENERATING);
    assertThat(resolve("pattern0", always.positions(4), new Operation.Add(value(5)), GENERATING))
        .isNotNull();
  }

  @ParameterizedTest
  @CsvSource({"NaN", "Infinity", "-Infinity"})
  void resolve_nonFiniteValue_needsPermission(float bad) {
    Operation.Value vector = value(32);
    vector.data()[7] = bad;
    Selection one = Selection.ALL.positions(1);
    for (Operation operation :
        new Operation[] {
          new Operation.Replace(vector, false),
          new Operation.Replace(vector, true),
          new Operation.Add(vector),
          new Operation.Interpolate(vector, 0.5f),
          new Operation.Mean(vector)
        }) {
      assertFails("resid_pre:0", one, operation, "value: " + bad + " at [7]; allow it", FIVE);
      HookPlan allowed =
          HookPlan.builder().edit("resid_pre:0", one, operation).allowNonFinite().build();
      assertThat(PlanResolver.resolve(allowed, LLAMA, FIVE).edits().getFirst().allowNonFinite())
          .isTrue();
    }
    assertFails(
        "resid_pre:0", one, new Operation.Scale(bad), "factor: expected a finite number", FIVE);
    assertThat(
            PlanResolver.resolve(
                    HookPlan.builder().scale("resid_pre:0", bad).allowNonFinite().build(),
                    LLAMA,
                    FIVE)
                .edits())
        .hasSize(1);
    assertFails(
        "resid_pre:0",
        one,
        new Operation.Interpolate(value(32), bad),
        "weight: expected a finite number",
        FIVE);
    assertFails(
        "resid_pre:0",
        one,
        new Operation.Noise(bad, 0),
        "standard deviation: expected a finite number",
        FIVE);
    assertFails(
        "resid_pre:0",
        one,
        new Operation.ProjectOut(vector),
        "value: expected a finite number",
        FIVE);
  }

  @Test
  void resolve_scoresOfAnotherRun_mayHoldMinusInfinityWhereMasked() {
    Operation.Value scores = value(4, 5, 5);
    for (int h = 0; h < 4; h++) {
      for (int q = 0; q < 5; q++) {
        for (int k = q + 1; k < 5; k++) {
          scores.data()[(h * 5 + q) * 5 + k] = Float.NEGATIVE_INFINITY;
        }
      }
    }
    assertThat(resolve("attn_scores0", Selection.ALL, new Operation.Replace(scores, false), FIVE))
        .isNotNull();
    Operation.Value chosen =
        new Operation.Value(new int[] {4, 2, 5}, Arrays.copyOf(scores.data(), 40));
    assertFails(
        "attn_scores0",
        Selection.ALL.positions(3, 4),
        new Operation.Replace(chosen, false),
        "-Infinity at [0, 0, 1]",
        FIVE);
    Operation.Value keys = new Operation.Value(new int[] {4, 5, 1}, column(scores.data(), 3));
    assertThat(
            resolve(
                "attn_scores0", Selection.ALL.keys(3), new Operation.Replace(keys, false), FIVE))
        .isNotNull();
    assertFails(
        "attn_scores0",
        Selection.ALL.keys(2),
        new Operation.Replace(keys, false),
        "-Infinity at [0, 2, 0]",
        FIVE);
  }

  @Test
  void resolve_maskedCellsOfTheSelectedPrompt_areJudgedByItAlone() {
    Operation.Value scores = value(4, 5, 5);
    scores.data()[1] = Float.NEGATIVE_INFINITY; // query 0, key 1: masked here, not behind a prefix
    PromptSpan behind = new PromptSpan(3, 8, 0);
    Selection first = Selection.ALL.sequences(0);
    assertThat(resolve("attn_scores0", first, new Operation.Replace(scores, false), FIVE, behind))
        .isNotNull();
  }

  private static float[] column(float[] square, int key) {
    float[] out = new float[20];
    for (int i = 0; i < 20; i++) {
      out[i] = square[i * 5 + key];
    }
    return out;
  }
}
