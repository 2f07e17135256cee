package dev.diopter.engine;

import dev.diopter.kernels.AttentionSpan;
import java.util.List;

/**
 * The rows of one pass: consecutive rows for each sequence, their positions, and the keys and
 * values that they attend to. A prompt is rows 0 .. n-1 on an empty store, one new token is one row
 * on a long store, a ragged batch is the rows of several prompts.
 *
 * @param map rows and positions by sequence
 * @param stores keys and values by sequence
 */
record Rows(RowMap map, List<KeyValueStore> stores) {

  /**
   * Rows that follow what each store holds.
   *
   * @param counts new rows of each sequence
   */
  static Rows behind(List<KeyValueStore> stores, int[] counts, long[] keys) {
    int[][] positions = new int[counts.length][];
    for (int s = 0; s < counts.length; s++) {
      positions[s] = new int[counts[s]];
      int first = stores.get(s).length();
      for (int i = 0; i < counts[s]; i++) {
        positions[s][i] = first + i;
      }
    }
    return new Rows(RowMap.of(positions, keys), List.copyOf(stores));
  }

  /**
   * The rows of those sequences that have entered, when rows lie in the order of {@code map}.
   *
   * @param entered by sequence; the others keep their place and have no rows
   */
  Rows entered(boolean[] entered) {
    int[][] positions = new int[sequences()][];
    for (int s = 0; s < positions.length; s++) {
      positions[s] = entered[s] ? map.positions()[s] : new int[0];
    }
    return new Rows(new RowMap(map.firstRow(), positions, map.keys()), stores);
  }

  int sequences() {
    return stores.size();
  }

  int count() {
    return map.rows();
  }

  /** What one sequence's rows attend to in a layer, once their own keys and values are stored. */
  AttentionSpan span(int sequence, int layer) {
    int rows = map.positions()[sequence].length;
    KeyValueStore store = stores.get(sequence);
    return new AttentionSpan(
        map.firstRow()[sequence], rows, store.length(), store.view(layer, rows));
  }
}
