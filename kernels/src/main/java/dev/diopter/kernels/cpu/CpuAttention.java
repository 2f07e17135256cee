package dev.diopter.kernels.cpu;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.host.HostBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * Attention over spans, cut into pieces of a few query rows of one key and value head. A piece
 * needs scratch for its own rows of scores only. Fused or step by step, a row goes through the same
 * kernels with the same values, hence to the same bits.
 */
final class CpuAttention {
  /** Rows of cells of a piece. */
  private static final int PIECE = 24;

  private static final int SUMS_PER_NANO = 20;

  /** Keys and values come from memory where few rows meet them. */
  private static final int FLOATS_PER_NANO = 3;

  private final Kernels kernels;
  private final WorkerPool pool;

  CpuAttention(Kernels kernels, WorkerPool pool) {
    this.kernels = kernels;
    this.pool = pool;
  }

  /** Scores, softmax and mixing, piece by piece. */
  void fused(Matrix q, List<AttentionSpan> spans, int heads, float scale, Matrix z) {
    Pieces pieces = new Pieces(spans, heads, true);
    pool.run(
        pieces.count(),
        pieces.nanos(q.columns() / heads),
        (from, to, scratch) -> {
          for (int i = from; i < to; i++) {
            HeadRows rows = pieces.get(i);
            int stride = stride(rows);
            float[] cells = scratch.cells(stride * rows.count());
            rows.scores(kernels, q, scale, cells, stride, scratch);
            rows.softmax(kernels, cells, stride, scratch);
            rows.mix(kernels, cells, 0, stride, z, scratch);
          }
        });
  }

  /** Scores of one span, [heads, rows, keys]. */
  void scores(Matrix q, AttentionSpan span, int heads, float scale, Buffer out) {
    Pieces pieces = new Pieces(List.of(span), heads, true);
    float[] target = HostBuffer.of(out);
    int keys = span.keyCount();
    pool.run(
        pieces.count(),
        pieces.nanos(q.columns() / heads),
        (from, to, scratch) -> {
          for (int i = from; i < to; i++) {
            HeadRows rows = pieces.get(i);
            int stride = stride(rows);
            float[] cells = scratch.cells(stride * rows.count());
            rows.scores(kernels, q, scale, cells, stride, scratch);
            for (int j = 0; j < rows.count(); j++) {
              int row = rows.head(j) * span.rows() + rows.row() + j / rows.group();
              int at = row * keys;
              System.arraycopy(cells, j * stride, target, at, rows.visible(j));
              Arrays.fill(target, at + rows.visible(j), at + keys, Float.NEGATIVE_INFINITY);
            }
          }
        });
  }

  /** Softmax of one span's cells. */
  void softmax(Buffer scores, AttentionSpan span, int heads, Buffer pattern) {
    float[] source = HostBuffer.of(scores);
    float[] target = HostBuffer.of(pattern);
    int keys = span.keyCount();
    pool.run(
        heads * span.rows(),
        keys,
        (from, to, scratch) -> {
          float[] cells = scratch.cells(keys + HeadRows.SLACK);
          for (int row = from; row < to; row++) {
            int visible = span.firstIndex() + row % span.rows() + 1;
            System.arraycopy(source, row * keys, cells, 0, visible);
            kernels.softmax(cells, 0, visible, scratch.partials);
            System.arraycopy(cells, 0, target, row * keys, visible);
            Arrays.fill(target, row * keys + visible, (row + 1) * keys, 0f);
          }
        });
  }

  /** Pattern of one span times its values. */
  void mix(Buffer pattern, AttentionSpan span, int heads, Matrix z) {
    // Head by head: rows of one head are a row of cells apart, rows of neighbouring heads are not.
    Pieces pieces = new Pieces(List.of(span), heads, false);
    float[] cells = HostBuffer.of(pattern);
    int keys = span.keyCount();
    pool.run(
        pieces.count(),
        pieces.nanos(z.columns() / heads),
        (from, to, scratch) -> {
          for (int i = from; i < to; i++) {
            HeadRows rows = pieces.get(i);
            int at = (rows.firstHead() * span.rows() + rows.row()) * keys;
            rows.mix(kernels, cells, at, keys, z, scratch);
          }
        });
  }

  /** Room for the keys that the piece's last row sees. */
  private static int stride(HeadRows rows) {
    return Panels.roundUp(rows.visible(rows.count() - 1), Panels.WIDTH) + HeadRows.SLACK;
  }

  /** Numbers the pieces of several spans. */
  private static final class Pieces {
    private final List<AttentionSpan> spans;
    private final int[] first; // first piece of each span, then their number
    private final int heads;
    private final int group; // query heads of a piece
    private final int pieceRows;

    Pieces(List<AttentionSpan> spans, int heads, boolean grouped) {
      this.spans = spans;
      this.heads = heads;
      int kvHeads = spans.isEmpty() ? 1 : spans.getFirst().keys().blocks().getFirst().heads();
      this.group = grouped ? heads / kvHeads : 1;
      this.pieceRows = Math.max(1, PIECE / group);
      this.first = new int[spans.size() + 1];
      for (int s = 0; s < spans.size(); s++) {
        first[s + 1] = Math.addExact(first[s], heads / group * blocks(spans.get(s)));
      }
    }

    int count() {
      return first[spans.size()];
    }

    HeadRows get(int piece) {
      int s = Arrays.binarySearch(first, 0, spans.size(), piece);
      if (s < 0) {
        s = -s - 2;
      }
      while (first[s + 1] <= piece) {
        s++; // a span without rows has no piece
      }
      AttentionSpan span = spans.get(s);
      int blocks = blocks(span);
      int number = (piece - first[s]) / blocks;
      int row = (piece - first[s]) % blocks * pieceRows;
      int kvHeads = span.keys().blocks().getFirst().heads();
      int head = number * group;
      int kvHead = head * kvHeads / heads;
      int rows = Math.min(pieceRows, span.rows() - row);
      return new HeadRows(span, head, group, kvHead, row, rows);
    }

    /** What a piece takes, on average. */
    long nanos(int headDim) {
      long nanos = 0;
      for (AttentionSpan span : spans) {
        long cells = 2L * span.keyCount() * headDim;
        nanos += cells * heads * span.rows() / SUMS_PER_NANO;
        nanos += cells * heads / group / FLOATS_PER_NANO;
      }
      return count() == 0 ? 0 : nanos / count();
    }

    private int blocks(AttentionSpan span) {
      return (span.rows() + pieceRows - 1) / pieceRows;
    }
  }
}
