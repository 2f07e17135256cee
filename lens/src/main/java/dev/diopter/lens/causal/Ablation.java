package dev.diopter.lens.causal;

import dev.diopter.engine.UsageException;
import java.util.Arrays;
import java.util.Locale;

/** What takes the place of a part that is taken away. */
public enum Ablation {
  /** Nothing. */
  ZERO,
  /** Its mean over all rows. */
  MEAN,
  /** That of another row, drawn so that no row keeps its own. */
  RESAMPLE;

  /** Its name on the command line. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The one of that name.
   *
   * @throws UsageException if there is none
   */
  public static Ablation of(String label) {
    for (Ablation ablation : values()) {
      if (ablation.label().equals(label)) {
        return ablation;
      }
    }
    throw new UsageException(
        "ablation: expected one of %s, got '%s'"
            .formatted(Arrays.stream(values()).map(Ablation::label).toList(), label));
  }

  /**
   * What each row is replaced by.
   *
   * @param rows [n, width], n of 2 or more but for {@link #ZERO}
   * @param seed of {@link #RESAMPLE}
   * @return [n, width]
   * @throws UsageException if there are too few rows
   */
  float[] substitutes(float[] rows, int width, long seed) {
    int count = rows.length / width;
    if (!equals(ZERO) && count < 2) {
      throw new UsageException(
          "%s ablation: expected at least 2 rows, got %d".formatted(label(), count));
    }
    return switch (this) {
      case ZERO -> new float[rows.length];
      case MEAN -> means(rows, count, width);
      case RESAMPLE -> Derangement.sample(count, seed).apply(rows, width);
    };
  }

  private static float[] means(float[] rows, int count, int width) {
    double[] sums = new double[width];
    for (int i = 0; i < rows.length; i++) {
      sums[i % width] += rows[i];
    }
    float[] out = new float[rows.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) (sums[i % width] / count);
    }
    return out;
  }
}
