package dev.diopter.engine;

import dev.diopter.kernels.AttentionSpan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The rows that count behind the last block, where not all do: of the others it needs keys and
 * values and nothing else.
 *
 * @param rows rows of the pass, ascending
 * @param inBlock how many of them, the first ones, go through the last block; the others enter
 *     behind it
 */
record LastRows(int[] rows, int inBlock) {

  /** Null where every row goes through the whole block, because it counts or a hook looks on. */
  static @Nullable LastRows of(
      Pass.Task task, FinalRows wanted, Rows rows, CompiledPlan plan, int layers) {
    int last = layers - 1;
    if (task.stopLayer() >= 0 || plan.asksBehindKeys(last)) {
      return null;
    }
    int entered = 0;
    for (int s = 0; s < rows.sequences(); s++) {
      entered += task.startLayers()[s] <= last ? rows.map().positions()[s].length : 0;
    }
    int[] counting = wanted.normed().rows();
    Arrays.sort(counting);
    // Those that enter behind the block lie behind all others.
    int in = 0;
    while (in < counting.length && counting[in] < entered) {
      in++;
    }
    return in == entered ? null : new LastRows(counting, in);
  }

  /** What the rows in the block attend to, once all keys and values are stored. */
  List<AttentionSpan> spans(Rows all, int layer) {
    List<AttentionSpan> spans = new ArrayList<>();
    for (int s : all.map().present()) {
      AttentionSpan whole = all.span(s, layer);
      int first = whole.firstRow();
      int end = at(first + whole.rows());
      for (int i = at(first); i < end; ) {
        int n = 1;
        while (i + n < end && rows[i + n] == rows[i] + n) {
          n++;
        }
        int index = whole.firstIndex() + rows[i] - first;
        spans.add(new AttentionSpan(rows[i], n, index, whole.keys()));
        i += n;
      }
    }
    return spans;
  }

  /** Where a row is among these, or would be. */
  private int at(int row) {
    int found = Arrays.binarySearch(rows, 0, inBlock, row);
    return found < 0 ? -found - 1 : found;
  }

  /** Where some of these rows are among them. */
  int[] indicesOf(int[] some) {
    return Arrays.stream(some).map(row -> Arrays.binarySearch(rows, row)).toArray();
  }
}
