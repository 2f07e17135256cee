package dev.diopter.kernels.cpu;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Arrays that passes have given back, for the next pass of the same shape: fresh memory would be
 * zeroed and paged in each time. Holds a bounded number of bytes, and what does not fit is the
 * garbage collector's. Thread safe.
 */
final class SpareArrays {
  /** Enough for the passes over a few hundred rows of a model of common size. */
  static final long MOST_BYTES = 64L << 20;

  private final long mostFloats;
  private final Map<Integer, ArrayDeque<float[]>> bySize = new HashMap<>();
  private long held;

  SpareArrays(long mostBytes) {
    this.mostFloats = mostBytes / Float.BYTES;
  }

  /** An array of exactly this size with unspecified contents, or null if none lies ready. */
  synchronized float @Nullable [] take(int size) {
    ArrayDeque<float[]> arrays = bySize.get(size);
    if (arrays == null) {
      return null;
    }
    float[] array = arrays.removeLast();
    if (arrays.isEmpty()) {
      bySize.remove(size);
    }
    held -= size;
    return array;
  }

  synchronized void give(float[] array) {
    if (array.length > mostFloats) {
      return;
    }
    if (held + array.length > mostFloats) {
      clear(); // shapes have changed: what lies here is of the past
    }
    bySize.computeIfAbsent(array.length, _ -> new ArrayDeque<>()).addLast(array);
    held += array.length;
  }

  synchronized void clear() {
    bySize.clear();
    held = 0;
  }
}
