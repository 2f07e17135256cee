package dev.diopter.kernels.reference;

import dev.diopter.kernels.RotaryTable;

/** No table at all: every cosine and sine is computed when it is asked for. */
final class ReferenceRotary implements RotaryTable {
  private final double[] inverseFrequencies;

  ReferenceRotary(double[] inverseFrequencies) {
    this.inverseFrequencies = inverseFrequencies.clone();
  }

  static ReferenceRotary of(RotaryTable table) {
    if (table instanceof ReferenceRotary reference) {
      return reference;
    }
    throw new IllegalArgumentException(
        "expected a table of the reference backend, got " + table.getClass().getSimpleName());
  }

  @Override
  public int pairs() {
    return inverseFrequencies.length;
  }

  float cosine(int position, int pair) {
    return (float) Math.cos(position * inverseFrequencies[pair]);
  }

  float sine(int position, int pair) {
    return (float) Math.sin(position * inverseFrequencies[pair]);
  }
}
