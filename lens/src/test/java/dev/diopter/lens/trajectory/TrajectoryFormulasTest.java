package dev.diopter.lens.trajectory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The reference's fixtures F2 and F9, and what must hold of any distributions. */
class TrajectoryFormulasTest {
  private static final List<float[]> P =
      logs(
          new double[][] {
            {.7, .2, .1, .1, .1, .8}, {.5, .3, .2, .2, .2, .6}, {.25, .5, .25, .05, .05, .9}
          });
  private static final List<float[]> Q =
      logs(
          new double[][] {
            {.6, .3, .1, .2, .2, .6}, {.25, .25, .5, .3, .3, .4}, {.1, .8, .1, .1, .2, .7}
          });
  private static final TrajectoryOptions OPTIONS =
      TrajectoryOptions.DEFAULT.targets(Targets.of(1, 2)).antiTargets(Targets.of(0, 1)).topK(2);
  private static final int[] IDS = {0, 1};

  private static List<float[]> logs(double[][] rows) {
    List<float[]> logs = new ArrayList<>();
    for (double[] row : rows) {
      float[] log = new float[row.length];
      for (int i = 0; i < row.length; i++) {
        log[i] = (float) Math.log(row[i]);
      }
      logs.add(log);
    }
    return logs;
  }

  private static void close(double[][] values, double... expected) {
    int at = 0;
    for (double[] row : values) {
      for (double value : row) {
        assertThat(value).as("cell %d", at).isCloseTo(expected[at++], within(2e-6));
      }
    }
    assertThat(at).isEqualTo(expected.length);
  }

  @Test
  void fixtureF2_ofOne_isTheReferences() {
    Trajectory p = Trajectories.ofLogits(IDS, 3, P, OPTIONS);
    close(p.values(LensStatistic.ENTROPY), .801819, .639032, 1.029653, .950271, 1.039721, .394398);
    close(
        p.values(LensStatistic.CROSS_ENTROPY),
        1.609438,
        .223144,
        1.203973,
        .510826,
        .693147,
        .105361);
    close(p.values(LensStatistic.FORWARD_KL), .429813, .036690, .137912, .226289, 0, 0);
    close(p.values(LensStatistic.MAX_PROBABILITY), .7, .8, .5, .6, .5, .9);
    close(p.values(LensStatistic.RANK), 2, 1, 2, 1, 1, 1);
    close(
        p.values(LensStatistic.LOG_PROB_DIFF),
        -1.252763,
        2.079442,
        -.510826,
        1.098612,
        .693147,
        2.890372);
    close(p.values(LensStatistic.LOG_PROB_DIFF_DELTA), .741937, -.980829, 1.203973, 1.791759);
    assertThat(p.values(LensStatistic.FORWARD_KL)[2]).containsExactly(0, 0);
    double reverse = .7 * Math.log(.7 / .25) + .2 * Math.log(.2 / .5) + .1 * Math.log(.1 / .25);
    assertThat(p.values(LensStatistic.REVERSE_KL)[0][0]).isCloseTo(reverse, within(2e-6));
    assertThat(p.values(LensStatistic.TOP_K_OVERLAP)[0]).containsExactly(1, 1);
    assertThat(p.predictionDepth()).containsExactly(2, 0);
    assertThat(p.top().ids()[0][0]).containsExactly(0, 1);
    assertThat(p.top().values()[0][0][0]).isCloseTo(.7f, within(1e-6f));
  }

  @Test
  void fixtureF2_ofTwo_haveTheirTrueNames() {
    Comparison pq = Trajectories.compareLogits(IDS, 3, P, Q, OPTIONS);
    close(
        pq.values(LensStatistic.KL_DIVERGENCE),
        .026812,
        .091516,
        .218012,
        .081093,
        .223144,
        .122211);
    close(pq.values(LensStatistic.JEFFREYS), .027981, .098083, .228645, .081093, .207944, .146432);
    close(
        pq.values(LensStatistic.JS_DIVERGENCE),
        .006959,
        .024157,
        .055582,
        .020136,
        .050672,
        .034607);
    close(pq.values(LensStatistic.TOTAL_VARIATION), .1, .2, .3, .2, .3, .2);
    close(pq.values(LensStatistic.MAX_DIFFERENCE), .1, .2, .3, .2, .3, .2);
    assertThat(pq.changes().ids()[1][0]).containsExactly(2, 0);
    assertThat(pq.changes().values()[1][0][1]).isCloseTo(-.25f, within(1e-6f));
    assertThat(pq.values(LensStatistic.RANK)).isEqualTo(pq.self().values(LensStatistic.RANK));
    List<float[]> reversed = logs(new double[][] {{.1, .2, .3, .4}});
    Comparison misnamed =
        Trajectories.compareLogits(
            new int[] {0}, 4, logs(new double[][] {{.4, .3, .2, .1}}), reversed, oneTarget());
    assertThat(misnamed.values(LensStatistic.TOTAL_VARIATION)[0][0]).isCloseTo(.4, within(1e-6));
    assertThat(misnamed.values(LensStatistic.MAX_DIFFERENCE)[0][0]).isCloseTo(.3, within(1e-6));
    assertThat(misnamed.values(LensStatistic.JEFFREYS)[0][0]).isCloseTo(.4564348, within(1e-6));
    assertThat(misnamed.values(LensStatistic.JS_DIVERGENCE)[0][0])
        .isCloseTo(.1064401, within(1e-6));
  }

  private static TrajectoryOptions oneTarget() {
    return TrajectoryOptions.DEFAULT.targets(Targets.of(0));
  }

  /** The tie of Q's row l1 counts as rank 2, not 3: one token is strictly more probable. */
  @Test
  void fixtureF2_ofABatch_averagesAfterTheStatistic() {
    TrajectoryBatch batch =
        new TrajectoryBatch(
            List.of(
                Trajectories.ofLogits(IDS, 3, P, OPTIONS),
                Trajectories.ofLogits(IDS, 3, Q, OPTIONS)));
    close(batch.mean(LensStatistic.RANK), 2, 1, 2, 1, 1, 1);
    close(
        batch.mean(LensStatistic.ENTROPY), .849882, .794651, 1.034687, 1.019585, .839376, .598108);
  }

  @Test
  void fixtureF9_ranksOfUnnormalisedInputs_andAUniformModel() {
    Trajectory ranks =
        Trajectories.ofLogits(
            new int[] {0, 0},
            3,
            List.of(
                new float[] {.1f, .2f, .3f, .6f, .5f, .4f},
                new float[] {.85f, .8f, .9f, 1, 1.1f, 1.2f}),
            TrajectoryOptions.DEFAULT.targets(Targets.of(0, 1)));
    close(ranks.values(LensStatistic.RANK), 3, 2, 2, 2);
    List<float[]> uniform = new ArrayList<>();
    for (int row = 0; row < 3; row++) {
      float[] logs = new float[120];
      java.util.Arrays.fill(logs, (float) Math.log(1.0 / 12));
      uniform.add(logs);
    }
    int[] ones = Targets.everywhere(1, 10).ids();
    TrajectoryOptions options =
        TrajectoryOptions.DEFAULT.targets(new Targets(ones)).antiTargets(new Targets(ones));
    Comparison same = Trajectories.compareLogits(ones, 12, uniform, uniform, options);
    for (LensStatistic statistic : LensStatistic.values()) {
      double expected =
          switch (statistic) {
            case ENTROPY, CROSS_ENTROPY -> Math.log(12);
            case MAX_PROBABILITY -> 1.0 / 12;
            case RANK, TOP_K_OVERLAP -> 1;
            default -> 0;
          };
      double[][] values = same.values(statistic);
      assertThat(values).hasDimensions(statistic.includesOutput() ? 3 : 2, 10);
      assertThat(values[1][7]).as(statistic.label()).isCloseTo(expected, within(1e-6));
    }
  }

  @Test
  void anyDistributions_keepTheInvariants() {
    long seed = 99;
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    int vocabulary = 50;
    int[] ids = {3, 1, 4, 1, 5};
    List<float[]> one = random(random, vocabulary * ids.length);
    List<float[]> two = random(random, vocabulary * ids.length);
    Comparison pair =
        Trajectories.compareLogits(ids, vocabulary, one, two, TrajectoryOptions.DEFAULT.topK(5));
    Comparison turned =
        Trajectories.compareLogits(ids, vocabulary, two, one, TrajectoryOptions.DEFAULT.topK(5));
    for (int row = 0; row < 4; row++) {
      for (int position = 0; position < ids.length; position++) {
        int r = row;
        int p = position;
        assertThat(pair.values(LensStatistic.ENTROPY)[r][p]).isBetween(0.0, Math.log(vocabulary));
        assertThat(pair.values(LensStatistic.FORWARD_KL)[r][p]).isNotNegative();
        assertThat(pair.values(LensStatistic.JS_DIVERGENCE)[r][p])
            .isBetween(0.0, Math.log(2))
            .isCloseTo(turned.values(LensStatistic.JS_DIVERGENCE)[r][p], within(1e-12));
        double variation = pair.values(LensStatistic.TOTAL_VARIATION)[r][p];
        assertThat(variation).isBetween(pair.values(LensStatistic.MAX_DIFFERENCE)[r][p], 1.0);
        if (p < ids.length - 1) {
          assertThat(pair.values(LensStatistic.RANK)[r][p]).isBetween(1.0, (double) vocabulary);
        } else {
          assertThat(pair.values(LensStatistic.RANK)[r][p]).isNaN();
        }
      }
    }
    assertThat(pair.slice(1, -1).values(LensStatistic.TOTAL_VARIATION)[2][0])
        .isEqualTo(pair.values(LensStatistic.TOTAL_VARIATION)[2][1]);
  }

  private static List<float[]> random(Random random, int count) {
    List<float[]> rows = new ArrayList<>();
    for (int row = 0; row < 4; row++) {
      float[] logits = new float[count];
      for (int i = 0; i < count; i++) {
        logits[i] = (float) (random.nextGaussian() * 3);
      }
      rows.add(logits);
    }
    return rows;
  }

  @Test
  void maskInput_takesWhatWasSeenOutOfBothSides() {
    TrajectoryOptions masked = OPTIONS.maskInput(true).targets(Targets.of(0, 2));
    Trajectory trajectory = Trajectories.ofLogits(IDS, 3, P, masked);
    // Position 0 has seen id 0, position 1 has seen 0 and 1.
    assertThat(trajectory.values(LensStatistic.CROSS_ENTROPY)[0][0]).isInfinite();
    assertThat(trajectory.values(LensStatistic.MAX_PROBABILITY)[0][0])
        .isCloseTo(2.0 / 3, within(1e-6));
    assertThat(trajectory.values(LensStatistic.MAX_PROBABILITY)[2][1]).isEqualTo(1);
    double expected =
        2.0 / 3 * Math.log(2.0 / 3 / (2.0 / 3)) + 1.0 / 3 * Math.log(1.0 / 3 / (1.0 / 3));
    assertThat(trajectory.values(LensStatistic.FORWARD_KL)[0][0]).isCloseTo(expected, within(1e-6));
    assertThat(trajectory.values(LensStatistic.FORWARD_KL)[1]).doesNotContain(Double.NaN);
  }

  @Test
  void depths_countWhereThePredictionStays() {
    List<float[]> rows =
        List.of(
            new float[] {0, 1},
            new float[] {1, 0},
            new float[] {0, 1},
            new float[] {0, 1},
            new float[] {0, 1});
    Trajectory one = Trajectories.ofLogits(new int[] {0}, 2, rows, TrajectoryOptions.DEFAULT);
    assertThat(one.layers()).isEqualTo(4);
    assertThat(one.predictionDepth()).containsExactly(2);
    assertThat(one.firstHit()).containsExactly(0);
  }

  @Test
  void wrongRequests_areRefusedInOneLine() {
    assertRefused(
        () -> Trajectories.ofLogits(IDS, 3, P, OPTIONS.targets(Targets.of(1))),
        "targets: expected one for each of 2 positions, got 1");
    assertRefused(
        () -> Trajectories.ofLogits(IDS, 3, P, OPTIONS.antiTargets(Targets.of(3, 0))),
        "anti-targets: expected ids of 0 to 2, or -1 for none, got 3");
    assertRefused(() -> OPTIONS.topK(0), "top tokens: expected 1 or more, got 0");
    assertRefused(
        () -> Trajectories.ofLogits(IDS, 3, P, OPTIONS.plan(HookPlan.reading("hook_embed"))),
        "expected no plan");
    Trajectory none = Trajectories.ofLogits(IDS, 3, P, OPTIONS.antiTargets(null));
    assertRefused(
        () -> none.values(LensStatistic.LOG_PROB_DIFF), "log_prob_diff: this needs anti-targets");
    assertRefused(
        () -> none.values(LensStatistic.JEFFREYS), "this needs a second trajectory to compare");
    assertRefused(() -> none.slice(1, 1), "slice: expected positions of 0 to 2, got 1 to 1");
    assertRefused(() -> LensStatistic.of("tv"), "got 'tv'");
  }

  private static void assertRefused(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable action, String message) {
    assertThatThrownBy(action)
        .isInstanceOf(UsageException.class)
        .hasMessageContaining(message)
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
  }

  @Test
  void exp_ofAnyLogit_isTheJdksWithinRounding() {
    for (double x = 0; x > -345; x -= .00713) {
      assertThat(RowSums.exp(x) / Math.exp(x)).isCloseTo(1, within(x > -200 ? 1e-11 : 1e-9));
    }
    assertThat(RowSums.exp(-0.0)).isEqualTo(1);
    assertThat(RowSums.exp(-1e30)).isBetween(0.0, 1e-149);
    assertThat(RowSums.exp(Double.NEGATIVE_INFINITY)).isBetween(0.0, 1e-149);
    assertThat(RowSums.exp(Double.NaN)).isNaN();
  }
}
