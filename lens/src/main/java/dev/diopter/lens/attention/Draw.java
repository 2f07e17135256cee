package dev.diopter.lens.attention;

/**
 * A lottery number for each place of a corpus. The few lowest are a uniform random choice without
 * replacement, which depends on the seed and the places alone: not on batches, nor on the order of
 * the stream.
 */
final class Draw {
  private Draw() {}

  static long number(long seed, int text, int start, int query, int key) {
    long bits = mix(seed + 0x9E3779B97F4A7C15L);
    for (int part : new int[] {text, start, query, key}) {
      bits = mix(bits ^ (part + 0x9E3779B97F4A7C15L));
    }
    return bits;
  }

  /** The finaliser of SplitMix64 (Steele, Lea and Flood 2014). */
  private static long mix(long z) {
    long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
    return b ^ (b >>> 31);
  }
}
