package dev.diopter.kernels.cpu;

import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongSupplier;

/**
 * What this machine can do at most, measured now: the yardstick for the kernels. Fused
 * multiply-adds on registers alone, and reading memory that no cache holds. Takes about a second
 * for each figure; other load on the machine lowers it.
 */
public final class MachineLimits {
  private static final int REPEATS = 12;
  private static final int FMA_ROUNDS = 2_000_000;
  private static final int READ_FLOATS = 1 << 26; // 256 MB: more than one core's share of any cache

  private MachineLimits() {}

  /** Whether this JVM has the vectors that the measurements need. */
  public static boolean available() {
    return KernelSelection.obstacle() == null;
  }

  /**
   * Billions of float32 operations a second of fused multiply-adds on registers (two operations
   * each), the best of many short runs.
   *
   * @param threads how many cores at once
   */
  public static double fmaGigaflops(int threads) {
    long operations = 2L * FMA_ROUNDS * FmaPeak.sums() * VectorShapes.LANES;
    return best(threads, operations, () -> Float.floatToRawIntBits(FmaPeak.run(FMA_ROUNDS)));
  }

  /**
   * Gigabytes a second of reading memory in sequence, the best of many runs.
   *
   * @param threads how many cores at once, each reading memory of its own
   */
  public static double readGigabytes(int threads) {
    float[][] memory = new float[threads][READ_FLOATS / threads];
    int[] next = new int[1];
    return best(
        threads,
        4L * memory[0].length,
        () -> {
          int own;
          synchronized (next) {
            own = next[0]++ % threads;
          }
          return Float.floatToRawIntBits(FmaPeak.read(memory[own]));
        });
  }

  /** Runs on all threads at once, and takes the round in which the slowest was fastest. */
  private static double best(int threads, long each, LongSupplier work) {
    long sink = 0;
    double best = 0;
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Callable<Long>> round = Collections.nCopies(threads, work::getAsLong);
      for (int r = 0; r < REPEATS; r++) {
        long start = System.nanoTime();
        for (Future<Long> done : pool.invokeAll(round)) {
          sink += done.get();
        }
        best = Math.max(best, (double) each * threads / (System.nanoTime() - start));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
    return sink == Long.MIN_VALUE ? 0 : best;
  }
}
