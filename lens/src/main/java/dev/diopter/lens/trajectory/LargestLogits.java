package dev.diopter.lens.trajectory;

import dev.diopter.engine.LogProbabilities;
import java.util.Arrays;

/**
 * The largest logits of a row, for which few of them are looked at one by one: the largest of each
 * block of columns is found first. As many blocks as there are tokens wanted have one that is not
 * below the smallest of these blocks' largest, so whatever is below it is out.
 */
final class LargestLogits {
  private static final int BLOCK = 512;

  private final float[] row;
  private final int at;
  private final int count;
  private final float[] blocks;
  private final float max;

  /** Of {@code count} logits from {@code at} on; the row is lent. */
  LargestLogits(float[] row, int at, int count) {
    this.row = row;
    this.at = at;
    this.count = count;
    this.blocks = new float[(count + BLOCK - 1) / BLOCK];
    for (int b = 0; b < blocks.length; b++) {
      blocks[b] = RowSums.max(row, at + b * BLOCK, Math.min(BLOCK, count - b * BLOCK));
    }
    this.max = RowSums.max(blocks, 0, blocks.length);
  }

  /** The largest; not-a-number if there is one. */
  float max() {
    return max;
  }

  /** The ids of the k largest, in the order of {@link LogProbabilities#top(float[], int)}. */
  int[] top(int k) {
    if (k >= blocks.length || Float.isNaN(max)) {
      return LogProbabilities.top(row, at, count, k);
    }
    float[] sorted = blocks.clone();
    Arrays.sort(sorted);
    float least = sorted[sorted.length - k];
    int[] ids = new int[k];
    float[] values = new float[k];
    int found = 0;
    for (int b = 0; b < blocks.length; b++) {
      if (blocks[b] < least) {
        continue;
      }
      int end = Math.min(count, (b + 1) * BLOCK);
      for (int id = b * BLOCK; id < end; id++) {
        if (row[at + id] >= least) {
          if (found == ids.length) {
            ids = Arrays.copyOf(ids, 2 * found);
            values = Arrays.copyOf(values, 2 * found);
          }
          ids[found] = id;
          values[found++] = row[at + id];
        }
      }
    }
    int[] best = LogProbabilities.top(values, 0, found, k);
    for (int i = 0; i < best.length; i++) {
      best[i] = ids[best[i]];
    }
    return best;
  }
}
