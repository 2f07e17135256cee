package dev.diopter.engine;

import static dev.diopter.engine.PlanResolverValueTest.FIVE;
import static dev.diopter.engine.PlanResolverValueTest.GENERATING;
import static dev.diopter.engine.PlanResolverValueTest.assertFails;
import static dev.diopter.engine.PlanResolverValueTest.resolve;
import static dev.diopter.engine.PlanResolverValueTest.shape;
import static dev.diopter.engine.PlanResolverValueTest.value;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/**
 * What operations other than a replacement ask of their values. The model is {@link
 * PlanResolverValueTest}'s.
 */
class PlanResolverOperationTest {
  @Test
  void resolve_mean_isTakenOverTheAxesInFront() {
    Operation.Value rows =
        new Operation.Value(
            new int[] {2, 1, 8}, new float[] {1, 2, 3, 4, 5, 6, 7, 8, 3, 4, 5, 6, 7, 8, 9, 10});
    ResolvedEdit edit = resolve("z0", Selection.ALL.heads(1), new Operation.Mean(rows), FIVE);
    assertThat(((Operation.Mean) edit.operation()).value())
        .isEqualTo(new Operation.Value(new int[] {1, 8}, new float[] {2, 3, 4, 5, 6, 7, 8, 9}));
    for (int[] shape : new int[][] {{32}, {7, 32}, {1, 7, 32}, {3, 7, 32}}) {
      ResolvedEdit mean =
          resolve("resid_pre:0", Selection.ALL, new Operation.Mean(value(shape)), GENERATING);
      assertThat(((Operation.Mean) mean.operation()).value().shape()).containsExactly(32);
    }
    for (int[] shape : new int[][] {{4, 8}, {9, 4, 8}, {2, 9, 4, 8}}) {
      ResolvedEdit mean = resolve("z0", Selection.ALL, new Operation.Mean(value(shape)), FIVE);
      assertThat(((Operation.Mean) mean.operation()).value().shape()).containsExactly(4, 8);
    }
    assertThat(
            ((Operation.Mean)
                    resolve("z0", Selection.ALL.heads(1), new Operation.Mean(value(9, 8)), FIVE)
                        .operation())
                .value()
                .shape())
        .containsExactly(1, 8);
  }

  @Test
  void resolve_meanOfAnotherShape_isRefused() {
    assertFails(
        "z0",
        Selection.ALL,
        new Operation.Mean(value(9, 8)),
        "ends in one position's shape [4, 8], got [9, 8]",
        FIVE);
    assertFails("z0", Selection.ALL.heads(1), new Operation.Mean(value(9, 4, 7)), "[1, 8]", FIVE);
    assertFails("resid_pre:0", Selection.ALL, new Operation.Mean(value(31)), "[32]", FIVE);
    assertFails(
        "pattern0",
        Selection.ALL,
        new Operation.Mean(value(5)),
        "the keys differ from query to query",
        FIVE);
  }

  @Test
  void resolve_direction_mustBeAVectorThatIsNotZero() {
    assertFails(
        "resid_pre:0",
        Selection.ALL,
        new Operation.ProjectOut(new Operation.Value(new int[] {32}, new float[32])),
        "got zeros",
        FIVE);
    assertFails(
        "resid_pre:0",
        Selection.ALL,
        new Operation.ProjectOut(value(31)),
        "expected one vector [32], got shape [31]",
        FIVE);
    assertFails(
        "resid_pre:0",
        Selection.ALL,
        new Operation.ProjectOut(value(5, 32)),
        "expected one vector [32]",
        FIVE);
    assertFails(
        "pattern0", Selection.ALL, new Operation.ProjectOut(value(5)), "no direction", FIVE);
    assertThat(resolve("z0", Selection.ALL, new Operation.ProjectOut(value(1, 8)), FIVE))
        .isNotNull();
    Operation.Value tiny = new Operation.Value(new int[] {32}, new float[32]);
    tiny.data()[3] = Float.MIN_VALUE;
    assertThat(resolve("resid_pre:0", Selection.ALL, new Operation.ProjectOut(tiny), FIVE))
        .isNotNull();
  }

  @Test
  void resolve_knockoutElsewhere_isRefused() {
    assertFails(
        "z0",
        Selection.ALL,
        new Operation.Knockout(),
        "hook_attn_scores and hook_pattern only",
        FIVE);
    assertThat(resolve("attn_scores0", Selection.ALL, new Operation.Knockout(), FIVE)).isNotNull();
    assertThat(resolve("pattern0", Selection.ALL, new Operation.Knockout(), FIVE)).isNotNull();
  }

  @Test
  void resolve_negativeDeviation_isRefused() {
    assertFails(
        "z0",
        Selection.ALL,
        new Operation.Noise(-1, 0),
        "standard deviation: expected 0 or more, got -1.0",
        FIVE);
  }
}
