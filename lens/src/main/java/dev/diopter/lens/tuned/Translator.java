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
 *
 * <p>Many rows are shared out to the common pool's threads, whatever a model was opened with; the
 * bits do not depend on their number.
 */
public final class Translator {
  /** Multiplications below which threads cost more than they save. */
  private static final long WORTH_THREADS = 1 << 20;

  /** Rows that meet a strip of the weights while it is in the first cache. */
  private static final int BAND = 16;

  /** Inputs of a strip. */
  private static final int STRIP = 16;

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
    float[][] columns = transposed();
    int bands = (rows.length / width + BAND - 1) / BAND;
    IntStream parts = IntStream.range(0, bands);
    if ((long) rows.length * width >= WORTH_THREADS) {
      parts = parts.parallel();
    }
    parts.forEach(band -> {
      int first = band * BAND;
      int count = Math.min(BAND, rows.length / width - first);
      float[][] sums = new float[count][];
      Arrays.setAll(sums, _ -> bias.clone());
      for (int from = 0; from < width; from += STRIP) {
        for (int r = 0; r < count; r++) {
          addProduct(rows, (first + r) * width, from, columns, sums[r]);
        }
      }
      for (int r = 0; r < count; r++) {
        addTo(out, (first + r) * width, sums[r]);
      }
    });
    return out;
  }

  /** W as [in][out], so that the inner loop runs over neighbours. */
  private float[][] transposed() {
    int width = width();
    float[][] columns = new float[width][width];
    for (int from = 0; from < width; from += STRIP) {
      int end = Math.min(width, from + STRIP);
      for (int o = 0; o < width; o++) {
        for (int i = from; i < end; i++) {
          columns[i][o] = weight[o * width + i];
        }
      }
    }
    return columns;
  }

  /**
   * Goes on with the chains of a row by the inputs of a strip. All arrays run by one index, which
   * the compiler needs to make vectors of it.
   */
  private static void addProduct(float[] rows, int at, int from, float[][] columns, float[] sums) {
    int end = Math.min(sums.length, from + STRIP);
    int i = from;
    for (; i + 3 < end; i += 4) {
      float[] c0 = columns[i];
      float[] c1 = columns[i + 1];
      float[] c2 = columns[i + 2];
      float[] c3 = columns[i + 3];
      float h0 = rows[at + i];
      float h1 = rows[at + i + 1];
      float h2 = rows[at + i + 2];
      float h3 = rows[at + i + 3];
      for (int o = 0; o < sums.length; o++) {
        float two = Math.fma(c1[o], h1, Math.fma(c0[o], h0, sums[o]));
        sums[o] = Math.fma(c3[o], h3, Math.fma(c2[o], h2, two));
      }
    }
    for (; i < end; i++) {
      float[] c = columns[i];
      float h = rows[at + i];
      for (int o = 0; o < sums.length; o++) {
        sums[o] = Math.fma(c[o], h, sums[o]);
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
