package dev.diopter.lens.attention;

/**
 * The multiples of one head on one window. Reads the pattern and never writes it. The arithmetic is
 * double but where a mode says float32.
 */
public final class Multiples {
  /**
   * How far above 1 a multiple must be in the modes that renormalise: even attention gives 1, give
   * or take the rounding of a float32 softmax.
   */
  public static final double ABOVE = 1 + 1e-6;

  /** A row with less than this outside its sinks has nothing to compare. */
  public static final double SINK_ONLY = 1e-6;

  private final ScoreMode mode;
  private final float[] pattern;
  private final int size;
  private final boolean[] sinks;
  private final float[] columnMeans;
  private final double[] columnAverages;

  private Multiples(ScoreMode mode, float[] pattern, int size, int length, boolean[] sinks) {
    this.mode = mode;
    this.pattern = pattern;
    this.size = size;
    this.sinks = sinks;
    this.columnMeans = mode == ScoreMode.COMPAT ? compatMeans(pattern, size) : new float[0];
    this.columnAverages =
        mode == ScoreMode.COLUMN ? visibleMeans(pattern, size, length) : new double[0];
  }

  /**
   * Prepares a window.
   *
   * @param pattern [size, size], query by key, causal: cells with {@code k > q} are 0
   * @param size tokens that were run, padding included
   * @param length tokens of the text; queries from here on are padding
   * @param sinks true for keys that are sinks, at least {@code length}; read by NO_SINK alone
   */
  public static Multiples of(
      ScoreMode mode, float[] pattern, int size, int length, boolean[] sinks) {
    if (pattern.length != size * size || length > size) {
      throw new IllegalArgumentException(
          "expected a pattern of %d x %d for %d tokens, got %d cells"
              .formatted(size, size, length, pattern.length));
    }
    return new Multiples(mode, pattern, size, length, sinks);
  }

  /** As the original: row 0 left out, everything below included, divided by all rows but one. */
  private static float[] compatMeans(float[] pattern, int size) {
    float[] means = new float[size];
    for (int k = 0; k < size; k++) {
      double sum = 0;
      for (int q = 1; q < size; q++) {
        sum += pattern[q * size + k];
      }
      means[k] = (float) (sum / (size - 1));
    }
    return means;
  }

  private static double[] visibleMeans(float[] pattern, int size, int length) {
    double[] means = new double[length];
    for (int k = 0; k < length; k++) {
      double sum = 0;
      for (int q = k; q < length; q++) {
        sum += pattern[q * size + k];
      }
      means[k] = sum / (length - k);
    }
    return means;
  }

  /** The attention weight of a query on a key. */
  public float weight(int query, int key) {
    return pattern[query * size + key];
  }

  /** The multiples of a row: keys 0 to {@code query}. NaN where a mode has 0 / 0. */
  public double[] row(int query) {
    double[] out = new double[query + 1];
    switch (mode) {
      case RAW -> {
        for (int k = 0; k <= query; k++) {
          out[k] = weight(query, k) * (query + 1);
        }
      }
      case NO_SINK -> {
        double rest = rest(query);
        int others = 0;
        for (int k = 0; k <= query; k++) {
          others += sinks[k] ? 0 : 1;
        }
        for (int k = 0; k <= query; k++) {
          out[k] = sinks[k] || rest < SINK_ONLY ? 0 : others * (double) weight(query, k) / rest;
        }
      }
      case COLUMN -> {
        for (int k = 0; k <= query; k++) {
          out[k] = weight(query, k) / columnAverages[k];
        }
      }
      case COMPAT -> {
        for (int k = 1; k <= query; k++) {
          out[k] = weight(query, k) / columnMeans[k];
        }
      }
    }
    return out;
  }

  /** Whether a cell with this multiple is an entry. Never for NaN. */
  public boolean counts(int query, int key, double multiple) {
    return switch (mode) {
      case RAW, COMPAT -> multiple > 1;
      case NO_SINK -> multiple > ABOVE;
      // Early queries have few keys, so even attention is above its column's average there.
      case COLUMN -> multiple > ABOVE && weight(query, key) * (query + 1.0) > ABOVE;
    };
  }

  /** Whether NO_SINK finds nothing to compare in a row, all of its attention being on sinks. */
  public boolean isSinkOnly(int query) {
    return mode == ScoreMode.NO_SINK && rest(query) < SINK_ONLY;
  }

  private double rest(int query) {
    double rest = 0;
    for (int k = 0; k <= query; k++) {
      rest += sinks[k] ? 0 : weight(query, k);
    }
    return rest;
  }

  /** The row of attention weights, keys 0 to {@code query}; a copy. */
  public float[] weights(int query) {
    return java.util.Arrays.copyOfRange(pattern, query * size, query * size + query + 1);
  }

  /** As the original shows a multiple: one decimal, true ties to even. Exact for float32 values. */
  public static double rounded(double multiple) {
    return Math.rint(multiple * 10) / 10;
  }
}
