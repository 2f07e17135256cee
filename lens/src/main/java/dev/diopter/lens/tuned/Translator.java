package dev.diopter.lens.tuned;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * One layer of a tuned lens: {@code h + (W h + b)}, so that all zeros mean no change. The arrays
 * are lent, not copied: whoever made the translator must not change them afterwards.
 *
 * <p>Arithmetic, for each row and output o: {@code sum = b[o]}, then {@code sum = fma(W[o][i],
 * h[i], sum)} for i = 0, 1, ..., then {@code h[o] + sum}, all in float32. A translator of zeros
 * alone gives its input back bit for bit.
 */
public final class Translator {
  /** Multiplications below which threads cost more than they save. */
  private static final long WORTH_THREADS = 1 << 20;

  private static final int BAND = 8;

  private final float[] weight;
  private final float[] bias;
  private final boolean identity;

  /**
   * Of given numbers.
   *
   * @param weight W, [width out, width in], row-major
   * @param bias b, [width]
   * @throws IllegalArgumentException if the sizes do not fit each other
   */
  public Translator(float[] weight, float[] bias) {
    if (weight.length != (long) bias.length * bias.length || bias.length == 0) {
      throw new IllegalArgumentException(
          "translator: expected a weight of %d x %d numbers, got %d"
              .formatted(bias.length, bias.length, weight.length));
    }
    this.weight = weight;
    this.bias = bias;
    this.identity = isZero(weight) && isZero(bias);
  }

  /** The untrained translator. */
  public static Translator identity(int width) {
    return new Translator(new float[Math.multiplyExact(width, width)], new float[width]);
  }

  private static boolean isZero(float[] numbers) {
    for (float x : numbers) {
      if (x != 0) {
        return false;
      }
    }
    return true;
  }

  /** Size of the residual stream. */
  public int width() {
    return bias.length;
  }

  /** W, [width out, width in], row-major; lent. */
  public float[] weight() {
    return weight;
  }

  /** b, [width]; lent. */
  public float[] bias() {
    return bias;
  }

  /** Whether it changes nothing. */
  public boolean isIdentity() {
    return identity;
  }

  /**
   * Translates rows.
   *
   * @param rows [n, width]
   * @return [n, width], a new array
   */
  public float[] apply(float[] rows) {
    int width = width();
    if (rows.length % width != 0) {
      throw new IllegalArgumentException(
          "expected rows of %d numbers, got %d numbers".formatted(width, rows.length));
    }
    float[] out = rows.clone();
    if (identity || rows.length == 0) {
      return out;
    }
    float[] columns = transposed();
    int bands = (rows.length / width + BAND - 1) / BAND;
    IntStream parts = IntStream.range(0, bands);
    if ((long) rows.length * width >= WORTH_THREADS) {
      parts = parts.parallel();
    }
    parts.forEach(band -> {
      int end = Math.min(rows.length / width, (band + 1) * BAND);
      float[] sums = new float[width];
      for (int row = band * BAND; row < end; row++) {
        System.arraycopy(bias, 0, sums, 0, width);
        addProduct(rows, row * width, columns, sums);
        addTo(out, row * width, sums);
      }
    });
    return out;
  }

  /** W as [in, out], so that the inner loop runs over neighbours. */
  private float[] transposed() {
    int width = width();
    float[] columns = new float[weight.length];
    for (int o = 0; o < width; o++) {
      for (int i = 0; i < width; i++) {
        columns[i * width + o] = weight[o * width + i];
      }
    }
    return columns;
  }

  private static void addProduct(float[] rows, int at, float[] columns, float[] sums) {
    int width = sums.length;
    for (int i = 0; i < width; i++) {
      float h = rows[at + i];
      int from = i * width;
      for (int o = 0; o < width; o++) {
        sums[o] = Math.fma(columns[from + o], h, sums[o]);
      }
    }
  }

  private static void addTo(float[] out, int at, float[] sums) {
    for (int o = 0; o < sums.length; o++) {
      out[at + o] += sums[o];
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Translator t
        && Arrays.equals(weight, t.weight)
        && Arrays.equals(bias, t.bias);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(weight) + Arrays.hashCode(bias);
  }
}
