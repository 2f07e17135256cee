package dev.diopter.kernels.cpu;

/**
 * The order of docs/arithmetic.md for products and attention, written down once more, one element
 * at a time. exp itself is {@link ScalarMath}'s, whose error has a test of its own.
 */
final class Chains {
  private static final int PARTIALS = 16;

  private Chains() {}

  /** One output: a chain over x [n] from {@code xo} and a column of w [.., columns]. */
  static float product(float[] x, int xo, int n, float[] w, int columns, int from, int column) {
    float sum = 0;
    for (int i = 0; i < n; i++) {
      sum = Math.fma(x[xo + i], w[(from + i) * columns + column], sum);
    }
    return sum;
  }

  /**
   * Rows that are the last of the sequence.
   *
   * @param rows query rows
   * @param keys keys that the last of them sees
   * @param heads query heads
   * @param kvHeads key and value heads, each for {@code heads / kvHeads} query heads in a row
   * @param headDim width of a head
   */
  record Shape(int rows, int keys, int heads, int kvHeads, int headDim) {
    private int kvHead(int head) {
      return head / (heads / kvHeads);
    }

    private int visible(int row) {
      return keys - rows + row + 1;
    }

    private int cell(int head, int row) {
      return (head * rows + row) * keys;
    }

    /** Scores [heads, rows, keys] of q [rows, heads * headDim] and k [keys, kvHeads * headDim]. */
    float[] scores(float[] q, float[] k, float scale) {
      float[] cells = new float[heads * rows * keys];
      for (int head = 0; head < heads; head++) {
        for (int row = 0; row < rows; row++) {
          for (int key = 0; key < keys; key++) {
            float sum = 0;
            for (int d = 0; d < headDim; d++) {
              float x = q[(row * heads + head) * headDim + d];
              sum = Math.fma(x, k[(key * kvHeads + kvHead(head)) * headDim + d], sum);
            }
            boolean masked = key >= visible(row);
            cells[cell(head, row) + key] = masked ? Float.NEGATIVE_INFINITY : sum * scale;
          }
        }
      }
      return cells;
    }

    /** The pattern of finite scores. */
    float[] pattern(float[] scores) {
      float[] cells = new float[scores.length];
      for (int head = 0; head < heads; head++) {
        for (int row = 0; row < rows; row++) {
          softmax(scores, cells, cell(head, row), visible(row));
        }
      }
      return cells;
    }

    /** The pattern times v [keys, kvHeads * headDim]: [rows, heads * headDim]. */
    float[] mix(float[] pattern, float[] v) {
      float[] z = new float[rows * heads * headDim];
      for (int row = 0; row < rows; row++) {
        for (int head = 0; head < heads; head++) {
          for (int d = 0; d < headDim; d++) {
            float sum = 0;
            for (int key = 0; key < visible(row); key++) {
              float value = v[(key * kvHeads + kvHead(head)) * headDim + d];
              sum = Math.fma(pattern[cell(head, row) + key], value, sum);
            }
            z[(row * heads + head) * headDim + d] = sum;
          }
        }
      }
      return z;
    }
  }

  private static void softmax(float[] x, float[] out, int at, int n) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = at; i < at + n; i++) {
      max = Math.max(max, x[i]);
    }
    float[] partials = new float[PARTIALS];
    for (int i = 0; i < n; i++) {
      out[at + i] = ScalarMath.exp(x[at + i] - max);
      partials[i % PARTIALS] += out[at + i];
    }
    float factor = 1 / tree(partials);
    for (int i = at; i < at + n; i++) {
      out[i] *= factor;
    }
  }

  /** 16 -> 8 -> 4 -> 2 -> 1, partner at half the distance. */
  static float tree(float[] partials) {
    float[] level = partials;
    while (level.length > 1) {
      int half = level.length / 2;
      float[] next = new float[half];
      for (int i = 0; i < half; i++) {
        next[i] = level[i] + level[i + half];
      }
      level = next;
    }
    return level[0];
  }
}
