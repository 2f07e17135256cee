package dev.diopter.lens.tuned.training;

import org.jspecify.annotations.Nullable;

/**
 * How one lens did, averaged over tokens, in nats, by layer.
 *
 * @param kind {@code logit} or {@code tuned}
 * @param crossEntropy minus the log-probability of the token {@code shift} positions on
 * @param entropy of its predictions
 * @param kl divergence of its predictions from the model's
 * @param bias divergence of its mean prediction from the model's mean prediction: what it says
 *     wrong whatever it reads
 * @param marginals its mean prediction, [layers][vocabulary]
 * @param transfer what translators do on other layers' streams; null where it was not asked for
 */
public record LensScores(
    String kind,
    double[] crossEntropy,
    double[] entropy,
    double[] kl,
    double[] bias,
    double[][] marginals,
    @Nullable Transfer transfer) {

  /**
   * Each layer's translator on each layer's stream.
   *
   * @param crossEntropy [translator][stream]
   * @param kl divergence from what the stream's own translator says, [translator][stream]
   */
  public record Transfer(double[][] crossEntropy, double[][] kl) {}
}
