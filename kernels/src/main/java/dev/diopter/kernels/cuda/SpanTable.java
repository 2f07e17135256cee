package dev.diopter.kernels.cuda;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.KeyValueView;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Spans of one launch in the layout of kernels.cu's {@code Spans}. */
final class SpanTable {
  /** Spans of a launch. */
  static final int SPANS = 32;

  /** Parts of all its views together. */
  static final int PARTS = 64;

  private static final int FIRST_BLOCK = 4;
  private static final int KEYS = 520; // behind 1 + 4 * 32 integers, on a multiple of 8
  private static final int FROM = KEYS + 2 * 8 * PARTS;

  private final List<AttentionSpan> spans = new ArrayList<>();
  private int parts;
  private int rows;
  private int keys;

  boolean fits(AttentionSpan span) {
    return spans.size() < SPANS && parts + span.keys().blocks().size() <= PARTS;
  }

  void add(AttentionSpan span) {
    spans.add(span);
    parts += span.keys().blocks().size();
    rows += span.rows();
    keys = Math.max(keys, span.keyCount());
  }

  /** Rows of all spans. */
  int rows() {
    return rows;
  }

  /** Keys of the row that sees most. */
  int keys() {
    return keys;
  }

  /** Key and value heads. */
  int heads() {
    return spans.getFirst().keys().blocks().getFirst().heads();
  }

  int headDim() {
    return spans.getFirst().keys().blocks().getFirst().headDim();
  }

  void write(ByteBuffer target) {
    target.putInt(0, spans.size());
    int block = 0;
    int part = 0;
    for (int s = 0; s < spans.size(); s++) {
      AttentionSpan span = spans.get(s);
      int[] numbers = {block, span.firstRow(), span.firstIndex() + 1, part};
      for (int i = 0; i < numbers.length; i++) {
        target.putInt(FIRST_BLOCK + 4 * (i * SPANS + s), numbers[i]);
      }
      block += span.rows();
      part = parts(target, span.keys(), part);
    }
  }

  private static int parts(ByteBuffer target, KeyValueView view, int first) {
    int part = first;
    int from = 0;
    for (int i = 0; i < view.blocks().size(); i++) {
      CudaHandles.KeyValues block = CudaHandles.KeyValues.of(view.blocks().get(i));
      int to = from + view.lengths()[i];
      target.putLong(KEYS + 8 * part, block.keys(0));
      target.putLong(KEYS + 8 * (PARTS + part), block.values(0));
      target.putInt(FROM + 4 * part, from);
      target.putInt(FROM + 4 * (PARTS + part), to);
      from = to;
      part++;
    }
    return part;
  }
}
