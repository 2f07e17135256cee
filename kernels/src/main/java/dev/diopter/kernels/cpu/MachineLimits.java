package dev.diopter.kernels.cpu;

import java.util.Arrays;
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
 * multiply-adds on registers alone, and reading memory that no cache holds; and, to hold against
 * the first, the innermost kernel of the matrix products. Takes about a second for each figure;
 * other load on the machine lowers it.
 */
public final class MachineLimits {
  private static final int REPEATS = 12;
  private static final int FMA_ROUNDS = 2_000_000;
  private static final int READ_FLOATS = 1 << 26; // 256 MB: more than one core's share of any cache

  /** Inputs for which rows, two panels and sums fill 29 of the 32 KiB of a first-level cache. */
  private static final int TILE_INPUTS = 160;

  private static final int TILE_ROUNDS = 4_000;

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
   * Billions of float32 operations a second of the kernel that computes the tiles of a matrix
   * product: twelve rows by two panels, again and again on operands in the first-level cache, the
   * best of many short runs.
   *
   * @param threads how many cores at once, each with operands of its own
   */
  public static double tileGigaflops(int threads) {
    Kernels kernels = KernelSelection.select(KernelChoice.VECTOR).kernels();
    long operations = 2L * TILE_ROUNDS * Panels.ROWS * Panels.SUMS * TILE_INPUTS;
    return best(
        threads,
        operations,
        () -> {
          float[] x = new float[Panels.ROWS * TILE_INPUTS];
          float[] w = new float[Panels.SUMS * TILE_INPUTS];
          float[] sums = new float[Panels.ROWS * Panels.SUMS];
          Arrays.fill(x, 0.5f);
          Arrays.fill(w, 1e-3f);
          int second = Panels.WIDTH * TILE_INPUTS;
          for (int r = 0; r < TILE_ROUNDS; r++) {
            kernels.tiles(x, 0, 0, Panels.ROWS, w, 0, second, Panels.PAIR, TILE_INPUTS, sums, 0);
          }
          return Float.floatToRawIntBits(sums[0]);
        });
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
