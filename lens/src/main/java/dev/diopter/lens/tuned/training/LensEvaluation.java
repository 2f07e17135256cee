package dev.diopter.lens.tuned.training;

import dev.diopter.engine.Model;
import dev.diopter.engine.Products;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensFit;
import dev.diopter.lens.tuned.LensSite;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Measures lenses of one model on texts, layer by layer, in one pass of the model. Sums in double;
 * logits of a few rows are held at a time.
 */
public final class LensEvaluation {
  private final Model model;
  private final LensData data;
  private final EvaluationOptions options;

  /** On a model's texts; the model stays the caller's. */
  public LensEvaluation(Model model, LensData data, EvaluationOptions options) {
    this.model = model;
    this.data = data;
    this.options = options;
  }

  /** Hears how far an evaluation is. */
  @FunctionalInterface
  public interface Listener {
    /** So many of the tokens are done. */
    void tokens(long done, long total);
  }

  /** What is added up for the model itself. */
  private static final class ModelSums {
    private final double[] marginal;
    private double ce;
    private double entropy;
    private long tokens;
    private long labels;

    ModelSums(int vocabulary) {
      marginal = new double[vocabulary];
    }
  }

  /**
   * Measures.
   *
   * @param lenses at least one, all of one site
   * @throws UsageException if fewer tokens than one chunk are asked for, or the shift leaves none
   * @throws TrainingException if there are fewer tokens than asked for, or not one chunk
   */
  public Evaluation run(List<Lens> lenses, Listener listener) {
    LensSite site = lenses.getFirst().site();
    for (Lens lens : lenses) {
      if (lens.site() != site
          || lens.width() != model.config().width()
          || lens.layers() != model.config().layers()) {
        throw new IllegalArgumentException("expected lenses of one site and of this model");
      }
      LensFit.requireProcessing(lens, model);
    }
    int length = data.chunkSize();
    Streams.requireShift(options.shift(), length);
    if (options.tokens() < length) {
      throw new UsageException(
          "tokens: expected at least the %d of one chunk, got %d; give more --tokens or a smaller --max-length"
              .formatted(length, options.tokens()));
    }
    boolean all = options.tokens() == Long.MAX_VALUE;
    long wanted = all ? Long.MAX_VALUE : options.tokens() / length;
    LensData.Survey survey = data.survey(wanted);
    if (survey.chunks() == 0 || (!all && survey.chunks() < wanted)) {
      throw new TrainingException(
          "requested to evaluate on %s tokens, but the texts have %d chunks of %d tokens; give more text, fewer --tokens or a smaller --max-length"
              .formatted(all ? "all" : options.tokens(), survey.chunks(), length));
    }
    Products products = model.products();
    List<List<LayerScorer>> scorers = new ArrayList<>();
    for (Lens lens : lenses) {
      List<LayerScorer> own = new ArrayList<>();
      for (int layer = 0; layer < lens.layers(); layer++) {
        own.add(new LayerScorer(model, products, lens, layer, options.transfer()));
      }
      scorers.add(own);
    }
    ModelSums base = new ModelSums(model.config().vocabulary());
    List<BatchScores> batches = new ArrayList<>();
    BatchScores.Sums before = sums(lenses, scorers, base);
    try (Threads threads = new Threads(options.threads());
        TokenChunks chunks = data.open()) {
      for (long done = 0; done < survey.chunks(); ) {
        int count = (int) Math.min(options.batch(), survey.chunks() - done);
        List<int[]> some = new ArrayList<>();
        for (int i = 0; i < count; i++) {
          some.add(Objects.requireNonNull(chunks.next(), "the texts ended early"));
        }
        add(Streams.of(model, site, some, threads), products, scorers, base, threads);
        BatchScores.Sums now = sums(lenses, scorers, base);
        batches.add(now.since(before));
        before = now;
        done += count;
        listener.tokens(done * length, survey.chunks() * length);
      }
    }
    return result(lenses, scorers, base, survey, batches);
  }

  private static BatchScores.Sums sums(
      List<Lens> lenses, List<List<LayerScorer>> scorers, ModelSums base) {
    List<BatchScores.Layers> layers = new ArrayList<>();
    for (int i = 0; i < lenses.size(); i++) {
      layers.add(BatchScores.Sums.of(lenses.get(i).kind(), scorers.get(i)));
    }
    return new BatchScores.Sums(base.tokens, base.labels, base.ce, base.entropy, layers);
  }

  private void add(
      Streams streams,
      Products products,
      List<List<LayerScorer>> scorers,
      ModelSums base,
      Threads threads) {
    int width = model.config().width();
    int vocabulary = model.config().vocabulary();
    int most = LensTraining.headRows(vocabulary);
    int layers = model.config().layers();
    for (int from = 0; from < streams.rows(); from += most) {
      int start = from;
      int count = Math.min(most, streams.rows() - from);
      int[] labels = labels(streams.ids(), from, count);
      float[] finals = Arrays.copyOfRange(streams.finals(), from * width, (from + count) * width);
      Targets.Predictions targets = Targets.predictions(model, products, finals, count);
      baseline(base, targets, labels, vocabulary);
      threads.forEach(
          scorers.size() * layers,
          task -> {
            int layer = task % layers;
            float[] rows =
                Arrays.copyOfRange(streams.layers()[layer], start * width, (start + count) * width);
            scorers.get(task / layers).get(layer).add(rows, targets, labels);
          });
    }
  }

  private int[] labels(int[] ids, int from, int count) {
    int length = data.chunkSize();
    int[] labels = new int[count];
    for (int r = 0; r < count; r++) {
      int position = (from + r) % length + options.shift();
      labels[r] = position < 0 || position >= length ? -1 : ids[from + r + options.shift()];
    }
    return labels;
  }

  private static void baseline(
      ModelSums base, Targets.Predictions targets, int[] labels, int vocabulary) {
    for (int r = 0; r < labels.length; r++) {
      int at = r * vocabulary;
      base.tokens++;
      base.entropy += targets.entropies()[r];
      if (labels[r] >= 0) {
        base.labels++;
        base.ce -= Math.log(Math.max(targets.probabilities()[at + labels[r]], Float.MIN_VALUE));
      }
      for (int v = 0; v < vocabulary; v++) {
        base.marginal[v] += targets.probabilities()[at + v];
      }
    }
  }

  private Evaluation result(
      List<Lens> lenses,
      List<List<LayerScorer>> scorers,
      ModelSums base,
      LensData.Survey survey,
      List<BatchScores> batches) {
    divide(base.marginal, base.tokens);
    List<LensScores> scores = new ArrayList<>();
    for (int i = 0; i < lenses.size(); i++) {
      scores.add(scores(lenses.get(i).kind(), scorers.get(i), base));
    }
    return new Evaluation(
        base.tokens,
        base.labels,
        survey.natsToBitsPerByte(),
        base.ce / base.labels,
        base.entropy / base.tokens,
        base.marginal,
        scores,
        batches,
        model.processing());
  }

  private static LensScores scores(String kind, List<LayerScorer> layers, ModelSums base) {
    double[][] marginals = new double[layers.size()][];
    double[] bias = new double[layers.size()];
    for (int layer = 0; layer < bias.length; layer++) {
      marginals[layer] = layers.get(layer).marginal();
      divide(marginals[layer], base.tokens);
      bias[layer] = divergence(base.marginal, marginals[layer]);
    }
    return new LensScores(
        kind,
        mean(layers, LayerScorer::crossEntropy, base.labels),
        mean(layers, LayerScorer::entropy, base.tokens),
        mean(layers, LayerScorer::kl, base.tokens),
        bias,
        marginals,
        transfer(layers, base));
  }

  private static LensScores.@Nullable Transfer transfer(List<LayerScorer> layers, ModelSums base) {
    int n = layers.size();
    if (layers.getFirst().transferKl().length == 0) {
      return null;
    }
    double[][] ce = new double[n][n];
    double[][] kl = new double[n][n];
    for (int translator = 0; translator < n; translator++) {
      for (int stream = 0; stream < n; stream++) {
        LayerScorer scorer = layers.get(stream);
        ce[translator][stream] = scorer.transferCrossEntropy()[translator] / base.labels;
        kl[translator][stream] = scorer.transferKl()[translator] / base.tokens;
      }
    }
    return new LensScores.Transfer(ce, kl);
  }

  private static double[] mean(
      List<LayerScorer> layers, ToDoubleFunction<LayerScorer> sum, long count) {
    return layers.stream().mapToDouble(sum).map(s -> s / count).toArray();
  }

  private static void divide(double[] x, long by) {
    for (int i = 0; i < x.length; i++) {
      x[i] /= by;
    }
  }

  private static double divergence(double[] p, double[] q) {
    double sum = 0;
    for (int v = 0; v < p.length; v++) {
      if (p[v] > 0) {
        sum += p[v] * (Math.log(p[v]) - Math.log(Math.max(q[v], Double.MIN_NORMAL)));
      }
    }
    return sum;
  }
}
