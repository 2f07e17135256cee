package dev.diopter.engine;

/**
 * Normal numbers that depend on their key alone, so a row gets the same noise in any batch, chunk
 * or order. A key is hashed by SplitMix64's finisher; two 53-bit uniforms give one normal by Box
 * and Muller's formula. {@link StrictMath} makes it the same on every machine.
 */
final class Noise {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;
  private static final double UNIT = 0x1p-53;

  private Noise() {}

  /** The key of one row of one head. */
  static long key(long seed, long sequenceKey, HookPoint point, int position, int head) {
    // The template, not the place in the list of sites: a new site must not change the noise of the
    // others.
    long key = mix(seed + GAMMA);
    key = mix(key ^ (sequenceKey + GAMMA));
    key =
        mix(
            key
                ^ (((long) point.site().template().hashCode() << 32)
                    | (point.layer() & 0xFFFFFFFFL)));
    return mix(key ^ (((long) position << 32) | head));
  }

  /** A standard normal number for an index of the row. */
  static double normal(long rowKey, int index) {
    double u = ((mix(rowKey + (2L * index + 1) * GAMMA) >>> 11) + 1) * UNIT; // (0, 1]
    double v = (mix(rowKey + (2L * index + 2) * GAMMA) >>> 11) * UNIT; // [0, 1)
    return StrictMath.sqrt(-2 * StrictMath.log(u)) * StrictMath.cos(2 * Math.PI * v);
  }

  private static long mix(long z) {
    long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
    return b ^ (b >>> 31);
  }
}
