package dev.diopter.kernels.cpu;

import dev.diopter.kernels.RotaryTable;
import java.util.Arrays;

/**
 * Cosines and sines in pages of 256 positions, computed when a position of the page is first asked
 * for. Thread safe. {@link StrictMath}, so that every machine has the same table.
 */
final class CpuRotary implements RotaryTable {
  private static final int PAGE = 256;
  private static final float[] NONE = {};

  private final double[] inverseFrequencies;
  private volatile float[][] pages = {}; // replaced, never written; NONE where not made yet

  CpuRotary(double[] inverseFrequencies) {
    this.inverseFrequencies = inverseFrequencies.clone();
  }

  static CpuRotary of(RotaryTable table) {
    if (table instanceof CpuRotary cpu) {
      return cpu;
    }
    throw new IllegalArgumentException(
        "expected a table of the cpu backend, got " + table.getClass().getSimpleName());
  }

  @Override
  public int pairs() {
    return inverseFrequencies.length;
  }

  /** The page of a position: [256][2][pairs], cosines before sines. */
  float[] page(int position) {
    int index = position / PAGE;
    float[][] current = pages;
    if (index < current.length && current[index].length > 0) {
      return current[index];
    }
    return grow(index);
  }

  /** Where the position's cosines begin in its page. */
  int at(int position) {
    return position % PAGE * 2 * pairs();
  }

  private synchronized float[] grow(int index) {
    float[][] current = pages;
    if (index < current.length && current[index].length > 0) {
      return current[index];
    }
    float[][] next = Arrays.copyOf(current, Math.max(current.length, index + 1));
    for (int i = current.length; i < next.length; i++) {
      next[i] = NONE;
    }
    next[index] = compute(index);
    pages = next;
    return next[index];
  }

  private float[] compute(int index) {
    int pairs = pairs();
    float[] page = new float[PAGE * 2 * pairs];
    for (int p = 0; p < PAGE; p++) {
      for (int i = 0; i < pairs; i++) {
        double angle = ((double) index * PAGE + p) * inverseFrequencies[i];
        page[p * 2 * pairs + i] = (float) StrictMath.cos(angle);
        page[p * 2 * pairs + pairs + i] = (float) StrictMath.sin(angle);
      }
    }
    return page;
  }
}
