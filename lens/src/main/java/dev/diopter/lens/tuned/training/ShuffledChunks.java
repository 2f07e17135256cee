package dev.diopter.lens.tuned.training;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The first chunks of some data, each once, shuffled through a buffer of bounded size. The same
 * data and seed give the same order. Belongs to one thread.
 */
final class ShuffledChunks implements AutoCloseable {
  private static final int BUFFER = 1024;

  private final TokenChunks chunks;
  private final SplittableRandom random;
  private final List<int[]> buffer = new ArrayList<>();
  private long left;

  ShuffledChunks(LensData data, long count, long seed) {
    this.chunks = data.open();
    this.random = new SplittableRandom(seed);
    this.left = count;
  }

  /**
   * The next chunks, shuffled.
   *
   * @throws TrainingException if there are no more: the files have changed since they were counted
   */
  List<int[]> next(int count) {
    List<int[]> out = new ArrayList<>();
    while (out.size() < count) {
      while (left > 0 && buffer.size() < BUFFER) {
        int[] chunk = chunks.next();
        if (chunk == null) {
          throw new TrainingException(
              "the texts ended earlier than when they were counted: leave the files alone while they are read");
        }
        buffer.add(chunk);
        left--;
      }
      if (buffer.isEmpty()) {
        throw new IllegalStateException("expected chunks to be left");
      }
      int at = random.nextInt(buffer.size());
      int last = buffer.size() - 1;
      out.add(buffer.get(at));
      buffer.set(at, buffer.get(last));
      buffer.remove(last);
    }
    return out;
  }

  /** Passes over chunks that an earlier run has seen. */
  void skip(long count) {
    for (long i = 0; i < count; i++) {
      next(1);
    }
  }

  @Override
  public void close() {
    chunks.close();
  }
}
