package dev.diopter.kernels.reference;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.KeyValueView;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.host.HostBuffer;

/** Scores, softmax and mixing of one span, cells in [heads, rows, keys]. */
final class ReferenceAttention {
  private ReferenceAttention() {}

  static void scores(Matrix q, AttentionSpan span, int heads, float scale, float[] out) {
    float[] data = HostBuffer.of(q);
    float[][] keys = rows(span, true);
    int headDim = q.columns() / heads;
    int keyCount = span.keyCount();
    for (int h = 0; h < heads; h++) {
      int keyAt = keyValueHead(span, h, heads) * headDim;
      for (int r = 0; r < span.rows(); r++) {
        int queryAt = q.offset() + (span.firstRow() + r) * q.stride() + h * headDim;
        for (int k = 0; k < keyCount; k++) {
          float score = Float.NEGATIVE_INFINITY;
          if (k <= span.firstIndex() + r) {
            double sum = 0;
            for (int d = 0; d < headDim; d++) {
              sum += (double) data[queryAt + d] * keys[k][keyAt + d];
            }
            score = (float) (sum * scale);
          }
          out[(h * span.rows() + r) * keyCount + k] = score;
        }
      }
    }
  }

  static void softmax(float[] scores, AttentionSpan span, int heads, float[] pattern) {
    int keyCount = span.keyCount();
    for (int row = 0; row < heads * span.rows(); row++) {
      int visible = span.firstIndex() + row % span.rows() + 1;
      int o = row * keyCount;
      float max = Float.NEGATIVE_INFINITY;
      for (int k = 0; k < visible; k++) {
        max = Math.max(max, scores[o + k]);
      }
      double sum = 0;
      for (int k = 0; k < visible; k++) {
        sum += Math.exp((double) scores[o + k] - max);
      }
      for (int k = 0; k < keyCount; k++) {
        boolean zero = k >= visible || max == Float.NEGATIVE_INFINITY;
        pattern[o + k] = zero ? 0 : (float) (Math.exp((double) scores[o + k] - max) / sum);
      }
    }
  }

  static void mix(float[] pattern, AttentionSpan span, int heads, Matrix z) {
    float[] data = HostBuffer.of(z);
    float[][] values = rows(span, false);
    int headDim = z.columns() / heads;
    int keyCount = span.keyCount();
    for (int h = 0; h < heads; h++) {
      int valueAt = keyValueHead(span, h, heads) * headDim;
      for (int r = 0; r < span.rows(); r++) {
        int patternAt = (h * span.rows() + r) * keyCount;
        int zAt = z.offset() + (span.firstRow() + r) * z.stride() + h * headDim;
        for (int d = 0; d < headDim; d++) {
          double sum = 0;
          for (int k = 0; k <= span.firstIndex() + r; k++) {
            sum += (double) pattern[patternAt + k] * values[k][valueAt + d];
          }
          data[zAt + d] = (float) sum;
        }
      }
    }
  }

  private static int keyValueHead(AttentionSpan span, int head, int heads) {
    return head * span.keys().blocks().getFirst().heads() / heads;
  }

  /** The rows of keys or values that the span sees, one after the other. */
  private static float[][] rows(AttentionSpan span, boolean keys) {
    KeyValueView view = span.keys();
    float[][] rows = new float[view.length()][];
    int at = 0;
    for (int b = 0; b < view.blocks().size(); b++) {
      ReferenceKeyValues block = ReferenceKeyValues.of(view.blocks().get(b));
      float[][] source = keys ? block.keys() : block.values();
      for (int i = 0; i < view.lengths()[b]; i++) {
        rows[at++] = source[i];
      }
    }
    return rows;
  }
}
