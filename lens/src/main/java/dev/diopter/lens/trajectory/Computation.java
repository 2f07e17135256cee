package dev.diopter.lens.trajectory;

import dev.diopter.engine.LogProbabilities;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ForkJoinPool;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * One trajectory under way: block of positions by block of positions, layer by layer. Memory: the
 * model's logits and probabilities and one layer's logits of a block of positions.
 */
final class Computation {
  /** Logits of a block of positions, unless one position has more: 32 MiB. */
  private static final int BLOCK_FLOATS = 1 << 23;

  /** What stands for a token that cannot be: no probability, and no infinity in any sum. */
  private static final float MASKED = -1e30f;

  private final LogitRows streams;
  private final TrajectoryOptions options;
  private final Trajectories.ProgressListener progress;
  private final Targets targets;
  private final int[] target;
  private final int[] antiTarget;
  private final int vocabulary;
  private final int block;
  private final Map<LensStatistic, double[][]> statistics = new EnumMap<>(LensStatistic.class);
  private final TopTokens top;

  // Of the current block.
  private float[] model = {};
  private float[] probabilities = {};
  private double[] modelNorms = {};
  private double[] modelSums = {};
  private float[] current = {};

  Computation(
      LogitRows streams, TrajectoryOptions options, Trajectories.ProgressListener progress) {
    this.streams = streams;
    this.options = options;
    this.progress = progress;
    this.vocabulary = streams.vocabulary();
    int positions = streams.positions();
    this.block = Math.clamp(BLOCK_FLOATS / vocabulary, 1, positions);
    Targets given = options.targets();
    this.targets = given == null ? Targets.next(streams.ids()) : given;
    targets.check("targets", positions, vocabulary);
    this.target = targets.ids();
    Targets anti = options.antiTargets();
    if (anti != null) {
      anti.check("anti-targets", positions, vocabulary);
    }
    this.antiTarget = anti == null ? new int[0] : anti.ids();
    this.top = TopTokens.empty(streams.rows(), positions);
    for (LensStatistic statistic : LensStatistic.values()) {
      boolean wanted =
          switch (statistic.needs()) {
            case NOTHING, TARGETS -> true;
            case ANTI_TARGETS -> anti != null;
            case OTHER -> false;
          };
      if (wanted && statistic.includesOutput()) {
        statistics.put(statistic, new double[streams.rows()][positions]);
      }
    }
  }

  Trajectory trajectory() {
    try (Workers workers = new Workers(options.threads())) {
      for (int from = 0; from < streams.positions(); from += block) {
        int to = Math.min(streams.positions(), from + block);
        openBlock(from, to, workers);
        for (int row = streams.rows() - 1; row >= 0; row--) {
          compute(row, from, to, workers);
          progress.done(from * streams.rows() + (to - from) * (streams.rows() - row), total());
        }
      }
    }
    return finished();
  }

  private int total() {
    return streams.positions() * streams.rows();
  }

  Comparison compare(Computation other, Trajectories.ProgressListener listener) {
    Map<LensStatistic, double[][]> pairs = new EnumMap<>(LensStatistic.class);
    for (LensStatistic statistic : LensStatistic.values()) {
      if (statistic.needs() == LensStatistic.Needs.OTHER) {
        pairs.put(statistic, new double[streams.rows()][streams.positions()]);
      }
    }
    TopTokens changes = TopTokens.empty(streams.rows(), streams.positions());
    try (Workers workers = new Workers(options.threads())) {
      for (int from = 0; from < streams.positions(); from += block) {
        int to = Math.min(streams.positions(), from + block);
        openBlock(from, to, workers);
        other.openBlock(from, to, workers);
        for (int row = streams.rows() - 1; row >= 0; row--) {
          compute(row, from, to, workers);
          other.compute(row, from, to, workers);
          int start = from;
          int r = row;
          workers.each(from, to, position -> pair(other, pairs, changes, r, start, position));
          listener.done(from * streams.rows() + (to - from) * (streams.rows() - row), total());
        }
      }
    }
    return new Comparison(finished(), other.finished(), pairs, changes);
  }

  private void logits(int row, int from, int to, float[] into) {
    streams.logits(row, from, to, into);
    if (options.maskInput()) {
      int[] ids = streams.ids();
      for (int position = from; position < to; position++) {
        for (int seen = 0; seen <= position; seen++) {
          into[(position - from) * vocabulary + ids[seen]] = MASKED;
        }
      }
    }
  }

  /** The model's own logits of a block, which every layer's are compared with. */
  private void openBlock(int from, int to, Workers workers) {
    int floats = Math.multiplyExact(block, vocabulary);
    if (model.length != floats) {
      model = new float[floats];
      probabilities = new float[floats];
      current = new float[floats];
      modelNorms = new double[block];
      modelSums = new double[block];
    }
    logits(streams.rows() - 1, from, to, model);
    workers.each(
        0,
        to - from,
        i -> {
          modelNorms[i] = RowSums.logNorm(model, i * vocabulary, vocabulary);
          modelSums[i] =
              RowSums.probabilities(
                  model, i * vocabulary, vocabulary, modelNorms[i], probabilities, i * vocabulary);
        });
  }

  private void compute(int row, int from, int to, Workers workers) {
    boolean output = row == streams.rows() - 1;
    if (output) {
      System.arraycopy(model, 0, current, 0, (to - from) * vocabulary);
    } else {
      workers.run(() -> logits(row, from, to, current));
    }
    workers.each(from, to, position -> cell(row, position, (position - from) * vocabulary));
  }

  private void cell(int row, int position, int at) {
    LargestLogits largest = new LargestLogits(current, at, vocabulary);
    RowSums.Cell cell =
        RowSums.cell(
            current,
            at,
            vocabulary,
            largest.max(),
            model,
            probabilities,
            at,
            modelNorms[at / vocabulary],
            modelSums[at / vocabulary],
            target[position]);
    put(LensStatistic.ENTROPY, row, position, cell.entropy());
    put(LensStatistic.FORWARD_KL, row, position, cell.forward());
    put(LensStatistic.REVERSE_KL, row, position, cell.reverse());
    put(LensStatistic.MAX_PROBABILITY, row, position, Math.exp(cell.max() - cell.logNorm()));
    double ofTarget = logProbability(target[position], at, cell);
    put(LensStatistic.CROSS_ENTROPY, row, position, -ofTarget);
    put(
        LensStatistic.RANK,
        row,
        position,
        Double.isNaN(ofTarget) ? Double.NaN : 1.0 + cell.above());
    if (antiTarget.length > 0) {
      double ofAnti = logProbability(antiTarget[position], at, cell);
      put(LensStatistic.LOG_PROB_DIFF, row, position, ofTarget - ofAnti);
    }
    int[] best = largest.top(options.topK());
    float[] shares = new float[best.length];
    for (int i = 0; i < best.length; i++) {
      shares[i] = (float) Math.exp(current[at + best[i]] - cell.logNorm());
    }
    top.ids()[row][position] = best;
    top.values()[row][position] = shares;
  }

  private double logProbability(int id, int at, RowSums.Cell cell) {
    if (id < 0) {
      return Double.NaN;
    }
    float logit = current[at + id];
    boolean masked = options.maskInput() && logit == MASKED;
    return masked ? Double.NEGATIVE_INFINITY : logit - cell.logNorm();
  }

  private void put(LensStatistic statistic, int row, int position, double value) {
    Trajectory.values(statistics, statistic)[row][position] = value;
  }

  private void pair(
      Computation other,
      Map<LensStatistic, double[][]> pairs,
      TopTokens changes,
      int row,
      int from,
      int position) {
    float[] change = new float[vocabulary];
    int at = (position - from) * vocabulary;
    RowSums.Pair pair = RowSums.pair(current, other.current, at, vocabulary, change);
    Trajectory.values(pairs, LensStatistic.KL_DIVERGENCE)[row][position] = pair.kl();
    Trajectory.values(pairs, LensStatistic.JEFFREYS)[row][position] =
        (pair.kl() + pair.reverse()) / 2;
    Trajectory.values(pairs, LensStatistic.JS_DIVERGENCE)[row][position] = pair.jensenShannon();
    Trajectory.values(pairs, LensStatistic.TOTAL_VARIATION)[row][position] = pair.totalVariation();
    Trajectory.values(pairs, LensStatistic.MAX_DIFFERENCE)[row][position] = pair.maxDifference();
    float[] sizes = new float[vocabulary];
    for (int i = 0; i < vocabulary; i++) {
      sizes[i] = Math.abs(change[i]);
    }
    int[] most = LogProbabilities.top(sizes, options.topK());
    float[] values = new float[most.length];
    for (int i = 0; i < most.length; i++) {
      values[i] = change[most[i]];
    }
    changes.ids()[row][position] = most;
    changes.values()[row][position] = values;
  }

  /** What follows from other rows, once all are there. */
  private Trajectory finished() {
    int last = streams.rows() - 1;
    for (int row = 0; row <= last; row++) {
      for (int position = 0; position < streams.positions(); position++) {
        double share = overlap(top.ids()[last][position], top.ids()[row][position]);
        put(LensStatistic.TOP_K_OVERLAP, row, position, share);
      }
    }
    double[][] differences = statistics.get(LensStatistic.LOG_PROB_DIFF);
    if (differences != null) {
      double[][] deltas = new double[last][streams.positions()];
      for (int row = 0; row < last; row++) {
        for (int position = 0; position < streams.positions(); position++) {
          deltas[row][position] = differences[row + 1][position] - differences[row][position];
        }
      }
      statistics.put(LensStatistic.LOG_PROB_DIFF_DELTA, deltas);
    }
    return new Trajectory(
        streams.kind(),
        streams.site(),
        vocabulary,
        streams.ids(),
        targets,
        options.antiTargets(),
        statistics,
        top);
  }

  private static double overlap(int[] expected, int[] found) {
    Set<Integer> all = new HashSet<>();
    for (int id : expected) {
      all.add(id);
    }
    int shared = 0;
    for (int id : found) {
      shared += all.contains(id) ? 1 : 0;
    }
    return (double) shared / expected.length;
  }

  /** Threads for the rows of a block; each row is computed by one. */
  private static final class Workers implements AutoCloseable {
    private final ForkJoinPool pool;

    Workers(int threads) {
      pool = new ForkJoinPool(threads);
    }

    void run(Runnable task) {
      pool.submit(task).join();
    }

    void each(int from, int to, IntConsumer task) {
      run(() -> IntStream.range(from, to).parallel().forEach(task));
    }

    @Override
    public void close() {
      pool.shutdown();
    }
  }
}
