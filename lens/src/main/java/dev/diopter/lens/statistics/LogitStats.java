package dev.diopter.lens.statistics;

import java.util.Arrays;

/**
 * Running means of predictions: of their probabilities, the marginal, and of their logarithms, from
 * which a {@link Dirichlet} distribution is fitted. For one thread; several merge.
 */
public final class LogitStats {
  private final double[] probabilities; // sums
  private final double[] logarithms;
  private long count;

  /** Of no predictions yet, over so many tokens. */
  public LogitStats(int vocabulary) {
    if (vocabulary < 2) {
      throw new IllegalArgumentException("expected at least 2 tokens, got " + vocabulary);
    }
    this.probabilities = new double[vocabulary];
    this.logarithms = new double[vocabulary];
  }

  /**
   * Adds predictions.
   *
   * @param logits [n, vocabulary]; finite
   */
  public void update(float[] logits) {
    int vocabulary = probabilities.length;
    if (logits.length % vocabulary != 0) {
      throw new IllegalArgumentException(
          "expected rows of %d logits, got %d numbers".formatted(vocabulary, logits.length));
    }
    for (int at = 0; at < logits.length; at += vocabulary) {
      double[] row = Distances.logProbabilities(Arrays.copyOfRange(logits, at, at + vocabulary));
      for (int v = 0; v < vocabulary; v++) {
        probabilities[v] += Math.exp(row[v]);
        logarithms[v] += row[v];
      }
      count++;
    }
  }

  /** Adds what another one has seen. */
  public void merge(LogitStats other) {
    if (other.probabilities.length != probabilities.length) {
      throw new IllegalArgumentException(
          "expected statistics of %d tokens, got %d"
              .formatted(probabilities.length, other.probabilities.length));
    }
    for (int v = 0; v < probabilities.length; v++) {
      probabilities[v] += other.probabilities[v];
      logarithms[v] += other.logarithms[v];
    }
    count += other.count;
  }

  /** How many predictions. */
  public long count() {
    return count;
  }

  /** Their mean, a copy. */
  public double[] marginalProbabilities() {
    return means(probabilities);
  }

  /** The mean of their logarithms, a copy. */
  public double[] meanLogProbabilities() {
    return means(logarithms);
  }

  private double[] means(double[] sums) {
    if (count == 0) {
      throw new IllegalStateException("expected at least one prediction, got none");
    }
    return Arrays.stream(sums).map(sum -> sum / count).toArray();
  }

  /** The Dirichlet distribution under which the predictions are most probable. */
  public Dirichlet fit() {
    return Dirichlet.fit(meanLogProbabilities());
  }
}
