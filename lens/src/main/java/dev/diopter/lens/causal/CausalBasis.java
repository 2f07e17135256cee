package dev.diopter.lens.causal;

import java.util.Arrays;

/**
 * The directions of a layer's stream that a lens's prediction depends on most. The arrays are the
 * caller's own.
 *
 * @param layer whose stream
 * @param energies what the loss of each direction costs, in nats a row, descending
 * @param vectors orthonormal, [k, width], in the order of the energies
 */
public record CausalBasis(int layer, double[] energies, float[][] vectors) {

  public CausalBasis {
    if (energies.length != vectors.length) {
      throw new IllegalArgumentException(
          "expected an energy for each vector, got %d and %d"
              .formatted(energies.length, vectors.length));
    }
  }

  /** Number of directions. */
  public int size() {
    return energies.length;
  }

  /** What one direction spans. */
  public Subspace direction(int vector) {
    return Subspace.ofOrthonormal(vectors[vector]);
  }

  /**
   * What the first directions span together.
   *
   * @param count at least 1
   */
  public Subspace first(int count) {
    return Subspace.ofOrthonormal(Arrays.copyOf(vectors, count));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof CausalBasis b
        && layer == b.layer
        && Arrays.equals(energies, b.energies)
        && Arrays.deepEquals(vectors, b.vectors);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(energies) + Arrays.deepHashCode(vectors);
  }
}
