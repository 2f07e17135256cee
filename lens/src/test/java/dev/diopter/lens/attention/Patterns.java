package dev.diopter.lens.attention;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** Patterns made by hand, walked over as a scan would. */
final class Patterns {
  private Patterns() {}

  /** Rows of a causal pattern. */
  static float[] of(double[]... rows) {
    float[] pattern = new float[rows.length * rows.length];
    for (int q = 0; q < rows.length; q++) {
      for (int k = 0; k < rows[q].length; k++) {
        pattern[q * rows.length + k] = (float) rows[q][k];
      }
    }
    return pattern;
  }

  /** Each query attends evenly to all keys that it can see. */
  static float[] uniform(int size) {
    double[][] rows = new double[size][];
    for (int q = 0; q < size; q++) {
      rows[q] = new double[q + 1];
      java.util.Arrays.fill(rows[q], 1.0 / (q + 1));
    }
    return of(rows);
  }

  static Multiples multiples(ScoreMode mode, float[] pattern, int length) {
    int size = (int) Math.sqrt(pattern.length);
    boolean[] sinks = new boolean[size];
    sinks[0] = true;
    return Multiples.of(mode, pattern, size, length, sinks);
  }

  /** The entries of a window, ranked; ids are positions. */
  static List<Entry> ranked(ScoreMode mode, float[] pattern, int length, int min) {
    Multiples multiples = multiples(mode, pattern, length);
    int[] ids = new int[(int) Math.sqrt(pattern.length)];
    java.util.Arrays.setAll(ids, i -> i);
    List<Entry> found = new ArrayList<>();
    Entries entries = new Entries(null, new BitSet(), found::add);
    for (int q = min; q < length; q++) {
      entries.row(new Window(0, 0, ids, length), q, multiples, multiples.row(q));
    }
    found.sort(EntryOrder.of(mode).shown(false));
    return found;
  }
}
