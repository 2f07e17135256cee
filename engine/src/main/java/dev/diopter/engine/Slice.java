package dev.diopter.engine;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The part of a tensor that a selection means, in the order of the selection.
 *
 * @param tensor the value
 * @param rows selected rows of the tensor
 * @param places for each of them its place among all selected positions; positions of other passes
 *     leave gaps
 * @param heads selected heads
 * @param keys selected elements of the last axis; null for all
 */
record Slice(HostTensor tensor, int[] rows, int[] places, int[] heads, int @Nullable [] keys) {

  /** The part, or null where the selection has none in this tensor. */
  static @Nullable Slice of(ResolvedSelection where, HostTensor tensor) {
    int sequence = tensor.sequence();
    if (!where.covers(sequence, tensor.step()) || tensor.positions().length == 0) {
      return null;
    }
    int[] heads =
        where.heads() == null ? IntStream.range(0, tensor.heads()).toArray() : where.heads();
    int[] keys = where.keys() == null ? null : where.keys()[sequence];
    int[] present = tensor.positions();
    if (where.positions() == null) {
      int[] all = IntStream.range(0, present.length).toArray();
      return new Slice(tensor, all, all, heads, keys);
    }
    int[] asked = where.positions()[sequence];
    int[] rows = new int[asked.length];
    int[] places = new int[asked.length];
    int count = 0;
    for (int i = 0; i < asked.length; i++) {
      int row = Arrays.binarySearch(present, asked[i]);
      if (row >= 0) {
        rows[count] = row;
        places[count++] = i;
      }
    }
    return count == 0
        ? null
        : new Slice(tensor, Arrays.copyOf(rows, count), Arrays.copyOf(places, count), heads, keys);
  }

  boolean overKeys() {
    return tensor.overKeys();
  }

  /** Size of the last axis. */
  int width() {
    return keys == null ? tensor.inner() : keys.length;
  }

  /**
   * What a cell holds whose key lies behind its query: minus infinity in scores, zero in patterns.
   */
  float masked() {
    return tensor.point().site() == Site.ATTN_SCORES ? Float.NEGATIVE_INFINITY : 0;
  }

  /** The point's axes with the sizes of this part. */
  int[] shape() {
    if (overKeys()) {
      return new int[] {heads.length, rows.length, width()};
    }
    return tensor.point().site().headAxis() == null
        ? new int[] {rows.length, width()}
        : new int[] {rows.length, heads.length, width()};
  }

  /** Start of a row in an array of {@link #shape}, by index of the row and of the head. */
  int at(int r, int h) {
    return (overKeys() ? h * rows.length + r : r * heads.length + h) * width();
  }

  /** Absolute positions of the rows. */
  int[] positions() {
    return Arrays.stream(rows).map(r -> tensor.positions()[r]).toArray();
  }

  /** Whether this is all of the tensor, as it lies. */
  boolean isWhole() {
    return keys == null && isAll(rows, tensor.positions().length) && isAll(heads, tensor.heads());
  }

  private static boolean isAll(int[] indices, int size) {
    if (indices.length != size) {
      return false;
    }
    for (int i = 0; i < size; i++) {
      if (indices[i] != i) {
        return false;
      }
    }
    return true;
  }

  /** A copy in {@link #shape}. Keys that this pass does not have are masked cells. */
  float[] gather() {
    float[] values = tensor.values();
    float[] out = new float[rows.length * heads.length * width()];
    for (int r = 0; r < rows.length; r++) {
      for (int h = 0; h < heads.length; h++) {
        int from = tensor.at(rows[r], heads[h]);
        int to = at(r, h);
        if (keys == null) {
          System.arraycopy(values, from, out, to, tensor.inner());
        } else {
          for (int k = 0; k < keys.length; k++) {
            out[to + k] = keys[k] < tensor.inner() ? values[from + keys[k]] : masked();
          }
        }
      }
    }
    return out;
  }

  /** Writes an array of {@link #shape} back; keys that this pass does not have are left out. */
  void scatter(float[] from) {
    float[] values = tensor.values();
    for (int r = 0; r < rows.length; r++) {
      for (int h = 0; h < heads.length; h++) {
        int to = tensor.at(rows[r], heads[h]);
        int at = at(r, h);
        if (keys == null) {
          System.arraycopy(from, at, values, to, tensor.inner());
        } else {
          for (int k = 0; k < keys.length; k++) {
            if (keys[k] < tensor.inner()) {
              values[to + keys[k]] = from[at + k];
            }
          }
        }
      }
    }
  }
}
