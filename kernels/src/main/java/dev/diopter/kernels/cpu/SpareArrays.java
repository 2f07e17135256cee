package dev.diopter.kernels.cpu;

import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Arrays that passes have given back, for the next pass of the same shape: fresh memory would be
 * zeroed and paged in each time. Holds a bounded number of bytes; where there is no room, the sizes
 * that nobody has used for the longest time become the garbage collector's. Thread safe.
 */
final class SpareArrays {
  /** Enough for the passes over a few hundred rows of a model of common size. */
  static final long MOST_BYTES = 64L << 20;

  private final long mostFloats;

  /** Never empty queues, the size that was used longest ago first. */
  private final LinkedHashMap<Integer, ArrayDeque<float[]>> bySize =
      new LinkedHashMap<>(16, 0.75f, true);

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
    while (held + array.length > mostFloats) {
      evict();
    }
    bySize.computeIfAbsent(array.length, _ -> new ArrayDeque<>()).addLast(array);
    held += array.length;
  }

  private void evict() {
    Map.Entry<Integer, ArrayDeque<float[]>> oldest = bySize.firstEntry();
    oldest.getValue().removeFirst();
    if (oldest.getValue().isEmpty()) {
      bySize.remove(oldest.getKey());
    }
    held -= oldest.getKey();
  }

  synchronized void clear() {
    bySize.clear();
    held = 0;
  }
}
