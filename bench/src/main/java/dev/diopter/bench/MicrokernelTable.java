package dev.diopter.bench;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Backends;
import dev.diopter.kernels.cpu.MachineLimits;
import java.util.Arrays;
import java.util.Locale;

/**
 * Prints a row of a table in Markdown: the microkernel of the matrix products on operands in a
 * first-level cache, one core, against fused multiply-adds on registers, in turn in one run.
 */
public final class MicrokernelTable {
  private static final int ROUNDS = 7;

  private MicrokernelTable() {}

  /** {@code MicrokernelTable LABEL}. */
  public static void main(String[] args) {
    String vectors;
    try (Backend backend = Backends.open("cpu", 1)) {
      vectors = backend.describe();
    }
    MachineLimits.fmaGigaflops(1); // compiles both loops
    MachineLimits.tileGigaflops(1);
    double[] peak = new double[ROUNDS];
    double[] tile = new double[ROUNDS];
    double[] share = new double[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
      peak[r] = MachineLimits.fmaGigaflops(1);
      tile[r] = MachineLimits.tileGigaflops(1);
      share[r] = tile[r] / peak[r];
    }
    Arrays.sort(share);
    System.out.printf(
        Locale.ROOT,
        "| %s | %s | %.1f | %.1f | **%.3f** | %.3f to %.3f |%n",
        args[0],
        vectors,
        SideBySide.median(peak),
        SideBySide.median(tile),
        SideBySide.median(share),
        share[0],
        share[ROUNDS - 1]);
  }
}
