package dev.diopter.lens.tuned;

import dev.diopter.engine.Model;
import dev.diopter.lens.numeric.SymmetricEigen;
import java.util.stream.IntStream;

/**
 * The singular values and vectors of a model's head on the side of the residual stream. Made anew
 * by each call; takes seconds for a large model, on the common pool's threads, whatever the model
 * was opened with. The bits do not depend on their number.
 */
public final class HeadSpectrum {
  private HeadSpectrum() {}

  /**
   * Eigenvectors of {@code W^T W} for the head W, [vocabulary, width]: singular vectors of W, the
   * largest first; the values are the singular values' squares.
   */
  public static SymmetricEigen of(Model model) {
    return of(model.products().head(), model.config().width());
  }

  static SymmetricEigen of(float[] head, int width) {
    double[] gram = new double[width * width];
    int rows = head.length / width;
    // Sums of one row of the result belong to one thread, in the order of the head's rows.
    IntStream.range(0, width)
        .parallel()
        .forEach(i -> {
          double[] sums = new double[width];
          for (int r = 0; r < rows; r++) {
            int at = r * width;
            double left = head[at + i];
            for (int j = i; j < width; j++) {
              sums[j] += left * head[at + j];
            }
          }
          System.arraycopy(sums, i, gram, i * width + i, width - i);
        });
    for (int i = 0; i < width; i++) {
      for (int j = 0; j < i; j++) {
        gram[i * width + j] = gram[j * width + i];
      }
    }
    return SymmetricEigen.of(gram, width);
  }
}
