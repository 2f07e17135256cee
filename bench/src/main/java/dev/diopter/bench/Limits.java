package dev.diopter.bench;

import dev.diopter.kernels.cpu.MachineLimits;

/**
 * What the machine allowed when it was measured, to hold speeds against.
 *
 * @param gigaflops fused multiply-adds on registers
 * @param gigabytes reading memory in sequence, a second
 */
record Limits(double gigaflops, double gigabytes) {

  /** Measured now with so many threads; not a number where this JVM has no vectors. */
  static Limits measure(int threads) {
    if (!MachineLimits.available()) {
      return new Limits(Double.NaN, Double.NaN);
    }
    MachineLimits.fmaGigaflops(threads); // compiles the loop
    return new Limits(MachineLimits.fmaGigaflops(threads), MachineLimits.readGigabytes(threads));
  }
}
