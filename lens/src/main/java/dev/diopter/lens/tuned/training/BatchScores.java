package dev.diopter.lens.tuned.training;

import java.util.ArrayList;
import java.util.List;

/**
 * How lenses did on one batch of an evaluation: means over its tokens, in nats.
 *
 * @param tokens tokens that were predicted from
 * @param labels how many of them have a token {@code shift} positions on
 * @param crossEntropy the model's own
 * @param entropy of the model's predictions
 * @param lenses scores of each lens
 */
public record BatchScores(
    long tokens, long labels, double crossEntropy, double entropy, List<Layers> lenses) {

  public BatchScores {
    lenses = List.copyOf(lenses);
  }

  /** One lens, by layer. */
  public record Layers(String kind, double[] crossEntropy, double[] entropy, double[] kl) {}

  /** Sums of an evaluation so far; what two of them differ in belongs to the batches between. */
  record Sums(long tokens, long labels, double crossEntropy, double entropy, List<Layers> lenses) {

    static Layers of(String kind, List<LayerScorer> layers) {
      return new Layers(
          kind,
          layers.stream().mapToDouble(LayerScorer::crossEntropy).toArray(),
          layers.stream().mapToDouble(LayerScorer::entropy).toArray(),
          layers.stream().mapToDouble(LayerScorer::kl).toArray());
    }

    BatchScores since(Sums before) {
      long rows = tokens - before.tokens;
      long labelled = labels - before.labels;
      List<Layers> means = new ArrayList<>();
      for (int i = 0; i < lenses.size(); i++) {
        Layers now = lenses.get(i);
        Layers then = before.lenses.get(i);
        means.add(
            new Layers(
                now.kind(),
                mean(now.crossEntropy(), then.crossEntropy(), labelled),
                mean(now.entropy(), then.entropy(), rows),
                mean(now.kl(), then.kl(), rows)));
      }
      return new BatchScores(
          rows,
          labelled,
          (crossEntropy - before.crossEntropy) / labelled,
          (entropy - before.entropy) / rows,
          means);
    }

    private static double[] mean(double[] now, double[] then, long count) {
      double[] means = new double[now.length];
      for (int layer = 0; layer < means.length; layer++) {
        means[layer] = (now[layer] - then[layer]) / count;
      }
      return means;
    }
  }
}
