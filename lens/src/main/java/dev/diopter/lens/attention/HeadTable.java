package dev.diopter.lens.attention;

import dev.diopter.engine.Activation;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * One table over all heads, to find the ones worth a look. Previous-token, duplicate-token and
 * induction scores come from a repeated random sequence; entropy, sink share and mean distance from
 * texts, or from the same sequence where there are none. For one thread.
 */
public final class HeadTable {
  /** Numbers of patterns that are held at once; a larger model is read in groups of layers. */
  static final long BUDGET = 1L << 25;

  private final Model model;
  private final RepeatedSequence sequence;
  private final SinkSet sinks;
  private final double[][][] sums;
  private long rows;

  private HeadTable(Model model, RepeatedSequence sequence, SinkSet sinks) {
    this.model = model;
    this.sequence = sequence;
    this.sinks = sinks;
    this.sums = new double[model.config().layers()][model.config().heads()][3];
  }

  /**
   * Scores of all heads, by layer and head.
   *
   * @param sequence for the previous-token, duplicate-token and induction scores
   * @param corpus for the others; null for the sequence
   * @param sampling which tokens of the corpus
   * @param sinks which keys are sinks
   * @param copying copying scores [layer][head]; null for NaN
   * @param progress hears how many texts were read, from 0 for each group of layers
   */
  public static List<HeadScores> of(
      Model model,
      RepeatedSequence sequence,
      @Nullable Corpus corpus,
      Sampling sampling,
      SinkSet sinks,
      double @Nullable [][] copying,
      IntConsumer progress) {
    HeadTable table = new HeadTable(model, sequence, sinks);
    double[][][] diagonals = table.sequence(corpus == null);
    if (corpus != null) {
      sampling.requireFits(model.name(), model.config());
      table.corpus(corpus, sampling, progress);
    }
    List<HeadScores> all = new ArrayList<>();
    for (int l = 0; l < diagonals.length; l++) {
      for (int h = 0; h < diagonals[l].length; h++) {
        double[] sum = table.sums[l][h];
        double[] diagonal = diagonals[l][h];
        all.add(
            new HeadScores(
                new HeadId(l, h),
                table.mean(sum[0]),
                table.mean(sum[1]),
                table.mean(sum[2]),
                diagonal[0],
                diagonal[1],
                diagonal[2],
                copying == null ? Double.NaN : copying[l][h]));
      }
    }
    return List.copyOf(all);
  }

  private double mean(double sum) {
    return rows == 0 ? Double.NaN : sum / rows;
  }

  private static String hook(int layer) {
    return "blocks.%d.attn.hook_pattern".formatted(layer);
  }

  /** Layers whose patterns are read in one pass. */
  private int group(int windowLength) {
    long tokens = Math.max(PatternRuns.BATCH_TOKENS, windowLength);
    long layer = Math.max(1, model.config().heads() * tokens * windowLength);
    return Math.clamp(BUDGET / layer, 1, model.config().layers());
  }

  private static HookPlan plan(int from, int to) {
    HookPlan.Builder plan = HookPlan.builder();
    for (int l = from; l < to; l++) {
      plan.read(hook(l));
    }
    return plan.build();
  }

  /** Means of three diagonals, [layer][head][3]. */
  private double[][][] sequence(boolean others) {
    DecoderConfig config = model.config();
    int[] ids = sequence.ids();
    int[] offsets = {1, sequence.period(), sequence.period() - 1};
    double[][][] means = new double[config.layers()][config.heads()][3];
    boolean[] sink = finder().of(ids);
    int group = group(ids.length);
    for (int from = 0; from < config.layers(); from += group) {
      int to = Math.min(config.layers(), from + group);
      RunResult run =
          model
              .run(RunRequest.of(Prompt.ofIds(ids)).plan(plan(from, to)).logits(Logits.NONE))
              .getFirst();
      for (int l = from; l < to; l++) {
        Activation pattern = run.activation(hook(l));
        for (int h = 0; h < config.heads(); h++) {
          for (int d = 0; d < 3; d++) {
            means[l][h][d] = diagonal(pattern.values(), h, ids.length, offsets[d]);
          }
          if (others) {
            add(sums[l][h], pattern.values(), h, ids.length, 0, ids.length, 1, sink);
          }
        }
      }
    }
    rows += others ? ids.length : 0;
    return means;
  }

  /** Mean of p[q, q - offset] over all q that have it. */
  private static double diagonal(float[] pattern, int head, int size, int offset) {
    double sum = 0;
    for (int q = offset; q < size; q++) {
      sum += pattern[(head * size + q) * size + q - offset];
    }
    return sum / (size - offset);
  }

  private SinkSet.Finder finder() {
    return sinks.finder(model.config(), model.hasTokenizer() ? model.tokenizer() : null);
  }

  private void corpus(Corpus corpus, Sampling sampling, IntConsumer progress) {
    DecoderConfig config = model.config();
    SinkSet.Finder finder = finder();
    int group = group(sampling.maxLength());
    for (int from = 0; from < config.layers(); from += group) {
      int first = from;
      int to = Math.min(config.layers(), from + group);
      try (Windows windows = Windows.of(model, corpus, sampling, progress)) {
        new PatternRuns(model, plan(from, to), PatternRuns.BATCH_TOKENS)
            .run(
                windows,
                (window, run) -> {
                  int n = window.length();
                  boolean[] sink = finder.of(window.ids());
                  for (int l = first; l < to; l++) {
                    float[] values = run.activation(hook(l)).values();
                    for (int h = 0; h < config.heads(); h++) {
                      add(
                          sums[l][h],
                          values,
                          h,
                          n,
                          sampling.minLength(),
                          n,
                          sampling.queryStride(),
                          sink);
                    }
                  }
                  if (first == 0) {
                    int sampled = n - sampling.minLength() + sampling.queryStride() - 1;
                    rows += Math.max(0, sampled / sampling.queryStride());
                  }
                });
      }
    }
  }

  /** Adds entropy, sink share and distance of some queries of a head. */
  private static void add(
      double[] sums,
      float[] pattern,
      int head,
      int size,
      int from,
      int to,
      int step,
      boolean[] sink) {
    for (int q = from; q < to; q += step) {
      int at = (head * size + q) * size;
      for (int k = 0; k <= q; k++) {
        double p = pattern[at + k];
        if (p > 0) {
          sums[0] -= p * Math.log(p);
          sums[1] += sink[k] ? p : 0;
          sums[2] += p * (q - k);
        }
      }
    }
  }
}
