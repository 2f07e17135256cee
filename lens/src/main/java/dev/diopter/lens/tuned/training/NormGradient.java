package dev.diopter.lens.tuned.training;

import dev.diopter.engine.FinalNorm;
import dev.diopter.models.DecoderConfig;

/**
 * Derivatives through the norm in front of the head. With {@code x} the row, less its mean for a
 * LayerNorm, {@code s = sqrt(mean(x^2) + eps)}, {@code n = x / s} and {@code a = dy * gain}:
 *
 * <pre>
 * dx = (a - n mean(a n)) / s, less its mean for a LayerNorm
 * </pre>
 *
 * <p>Sums in double. Immutable.
 */
final class NormGradient {
  private final float[] gain;
  private final double epsilon;
  private final boolean centred;

  NormGradient(FinalNorm norm) {
    this.gain = norm.gain();
    this.epsilon = norm.epsilon();
    this.centred = norm.kind() == DecoderConfig.Norm.LAYER;
  }

  /**
   * Derivatives by the norm's input.
   *
   * @param input what the norm was given, [rows, width]
   * @param output derivatives by what came out, [rows, width]; replaced by the result
   */
  void backward(float[] input, float[] output, int rows) {
    int width = gain.length;
    for (int r = 0; r < rows; r++) {
      row(input, output, r * width, width);
    }
  }

  private void row(float[] x, float[] dy, int at, int width) {
    double sum = 0;
    if (centred) {
      for (int i = 0; i < width; i++) {
        sum += x[at + i];
      }
    }
    double mean = sum / width;
    double squares = 0;
    double slope = 0;
    double a0 = 0;
    for (int i = 0; i < width; i++) {
      double c = x[at + i] - mean;
      double a = (double) dy[at + i] * gain[i];
      squares += c * c;
      slope += a * c;
      a0 += a;
    }
    double variance = squares / width + epsilon;
    double inverse = 1 / Math.sqrt(variance);
    double pull = slope / width / variance;
    // The centred row has no mean, so the mean of the derivatives is that of a.
    double centre = centred ? a0 / width : 0;
    for (int i = 0; i < width; i++) {
      double c = x[at + i] - mean;
      double a = (double) dy[at + i] * gain[i];
      dy[at + i] = (float) ((a - centre - c * pull) * inverse);
    }
  }
}
