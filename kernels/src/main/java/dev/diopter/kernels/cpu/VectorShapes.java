package dev.diopter.kernels.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector species of this JVM, in static finals because C2 compiles vector code to instructions
 * only where the species is a constant. Loaded after {@link KernelSelection} found the incubator
 * module.
 */
final class VectorShapes {
  /** Float32 lanes as wide as the hardware, or as {@code diopter.vectorBits} says. */
  static final VectorSpecies<Float> FLOATS =
      VectorSpecies.of(float.class, VectorShape.forBitSize(bits()));

  /** As many 32-bit integers as there are floats. */
  static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);

  /** As many 16-bit integers as there are floats. */
  static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

  /** Floats of a vector: 4, 8 or 16. */
  static final int LANES = FLOATS.length();

  /**
   * Whether there are 32 vector registers (AVX-512 at any width, AArch64) rather than 16: a tile of
   * more than eight sums is fast with 32 and spills with 16.
   */
  static final boolean MANY_REGISTERS =
      preferredBits() >= 512 || System.getProperty("os.arch", "").equals("aarch64");

  private VectorShapes() {}

  /** What the hardware prefers; 64 where there are no vectors to speak of. */
  static int preferredBits() {
    return FloatVector.SPECIES_PREFERRED.vectorBitSize();
  }

  private static int bits() {
    int forced = KernelSelection.forcedVectorBits();
    // A panel holds 16 columns, so wider vectors would have nothing to do.
    return forced != 0 ? forced : Math.min(preferredBits(), 512);
  }
}
