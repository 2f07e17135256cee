package dev.diopter.kernels.cpu;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.KeyValueView;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.host.HostBuffer;
import java.util.Arrays;

/**
 * Attention of a few query rows of the heads that share one key and value head: rows j = 0 .. count
 * - 1, position by position and head by head within it, so that what a row sees never shrinks from
 * one row to the next. A row of cells is a row of scores or of the pattern, key by key over the
 * blocks of the view.
 *
 * @param span where the rows are
 * @param firstHead first query head
 * @param group query heads
 * @param kvHead key and value head that they read
 * @param row first row, counted from the span's first
 * @param rows how many rows
 */
record HeadRows(AttentionSpan span, int firstHead, int group, int kvHead, int row, int rows) {
  /** Panels that are computed at once for one row: their sums take no more room than a tile's. */
  private static final int RUN = Panels.QUAD * Panels.PAIR;

  /** Keys whose values stay in a first-level cache until all rows have met them. */
  private static final int KEYS = 128;

  /** Floats behind the end of a row of cells that a kernel may overwrite. */
  static final int SLACK = Panels.SUMS;

  /** Rows of cells. */
  int count() {
    return rows * group;
  }

  /** Keys that row j sees. */
  int visible(int j) {
    return span.firstIndex() + row + j / group + 1;
  }

  /** Query head of row j. */
  int head(int j) {
    return firstHead + j % group;
  }

  /** Row j's place in a matrix [rows of the batch, heads * headDim]. */
  int at(Matrix batch, int j, int headDim) {
    int r = span.firstRow() + row + j / group;
    return batch.offset() + r * batch.stride() + head(j) * headDim;
  }

  /**
   * Scores of every row against the keys that the last row sees, row j at {@code cells[j *
   * stride]}. What lies behind a row's visible keys is unspecified up to {@link #SLACK} floats
   * behind the last row's.
   */
  void scores(Kernels kernels, Matrix q, float scale, float[] cells, int stride, Scratch scratch) {
    KeyValueView view = span.keys();
    int visible = visible(count() - 1);
    int headDim = CpuKeyValues.of(view.blocks().getFirst()).headDim();
    float[] queries = count() == 1 ? HostBuffer.of(q) : interleave(q, headDim, scratch);
    int base = 0;
    for (int b = 0; b < view.blocks().size() && base < visible; b++) {
      CpuKeyValues block = CpuKeyValues.of(view.blocks().get(b));
      int keys = Math.min(view.lengths()[b], visible - base);
      if (count() == 1) {
        row(kernels, queries, at(q, 0, headDim), block, keys, scale, cells, base, scratch);
      } else {
        tiles(kernels, queries, block, keys, scale, cells, stride, base, scratch);
      }
      base += keys;
    }
  }

  private void row(
      Kernels kernels,
      float[] q,
      int qo,
      CpuKeyValues block,
      int keys,
      float scale,
      float[] cells,
      int base,
      Scratch scratch) {
    float[] sums = scratch.sums(RUN * Panels.WIDTH);
    int panels = Panels.count(keys);
    for (int p = 0; p < panels; p += RUN) {
      int n = Math.min(RUN, panels - p);
      Arrays.fill(sums, 0, n * Panels.WIDTH, 0f);
      int at = p * block.keyPanel();
      int width = block.headDim();
      kernels.row(q, qo, block.keys(kvHead), at, block.keyPanel(), n, width, sums, 0);
      // The last panel's columns past the block's keys are overwritten by the next block.
      kernels.scale(sums, 0, n * Panels.WIDTH, scale, cells, base + p * Panels.WIDTH);
    }
  }

  private void tiles(
      Kernels kernels,
      float[] queries,
      CpuKeyValues block,
      int keys,
      float scale,
      float[] cells,
      int stride,
      int base,
      Scratch scratch) {
    int width = block.headDim();
    int size = Panels.roundUp(count(), Panels.QUAD) * Panels.SUMS;
    float[] sums = scratch.sums(size);
    int panels = Panels.count(keys);
    for (int p = 0; p < panels; p += Panels.PAIR) {
      int n = Math.min(Panels.PAIR, panels - p);
      Arrays.fill(sums, 0, size, 0f);
      kernels.tiles(
          queries,
          0,
          Panels.ROWS * width,
          count(),
          block.keys(kvHead),
          p * block.keyPanel(),
          block.keyPanel(),
          n,
          width,
          sums,
          0);
      for (int j = 0; j < count(); j++) {
        int to = j * stride + base + p * Panels.WIDTH;
        kernels.scale(sums, j * Panels.SUMS, n * Panels.WIDTH, scale, cells, to);
      }
    }
  }

  private float[] interleave(Matrix q, int headDim, Scratch scratch) {
    int groups = (count() + Panels.ROWS - 1) / Panels.ROWS;
    float[] x = HostBuffer.of(q);
    float[] out = scratch.rows(groups * Panels.ROWS * headDim);
    for (int j = 0; j < Panels.roundUp(count(), Panels.QUAD); j++) {
      int to = j / Panels.ROWS * Panels.ROWS * headDim + j % Panels.ROWS;
      int from = at(q, Math.min(j, count() - 1), headDim);
      for (int d = 0; d < headDim; d++) {
        out[to + Panels.ROWS * d] = x[from + d];
      }
    }
    return out;
  }

  /** Softmax of every row over its visible keys, in place; needs {@link #SLACK}. */
  void softmax(Kernels kernels, float[] cells, int stride, Scratch scratch) {
    for (int j = 0; j < count(); j++) {
      kernels.softmax(cells, j * stride, visible(j), scratch.partials);
    }
  }

  /** Pattern times values into z; row j of the pattern at {@code cells[at + j * stride]}. */
  void mix(Kernels kernels, float[] cells, int at, int stride, Matrix z, Scratch scratch) {
    int headDim = CpuKeyValues.of(span.keys().blocks().getFirst()).headDim();
    int panels = Panels.count(headDim);
    int whole = count() / Panels.QUAD * Panels.QUAD;
    int size = Math.max(whole, Panels.QUAD) * Panels.SUMS;
    float[] sums = scratch.sums(size);
    for (int panel = 0; panel < panels && whole > 0; panel += Panels.PAIR) {
      int n = Math.min(Panels.PAIR, panels - panel);
      Arrays.fill(sums, 0, size, 0f);
      for (int from = 0; from < visible(whole - Panels.QUAD); from += KEYS) {
        for (int j = 0; j < whole; j += Panels.QUAD) {
          int to = Math.min(from + KEYS, visible(j));
          mixTile(kernels, cells, at + j * stride, stride, panel, n, from, to, sums, j);
        }
      }
      for (int j = 0; j < whole; j++) {
        int common = visible(j / Panels.QUAD * Panels.QUAD);
        int so = j * Panels.SUMS;
        mixRow(kernels, cells, at + j * stride, panel, n, common, visible(j), sums, so);
        write(sums, so, panel, n, z, j, headDim);
      }
    }
    for (int j = whole; j < count(); j++) {
      for (int panel = 0; panel < panels; panel += RUN) {
        int n = Math.min(RUN, panels - panel);
        Arrays.fill(sums, 0, n * Panels.WIDTH, 0f);
        mixRow(kernels, cells, at + j * stride, panel, n, 0, visible(j), sums, 0);
        write(sums, 0, panel, n, z, j, headDim);
      }
    }
  }

  private void write(float[] sums, int so, int panel, int panels, Matrix z, int j, int headDim) {
    int column = panel * Panels.WIDTH;
    int n = Math.min(panels * Panels.WIDTH, headDim - column);
    System.arraycopy(sums, so, HostBuffer.of(z), at(z, j, headDim) + column, n);
  }

  /** Keys {@code from .. to - 1}, which four rows from row j see, if there are any. */
  private void mixTile(
      Kernels kernels,
      float[] cells,
      int at,
      int stride,
      int panel,
      int panels,
      int from,
      int to,
      float[] sums,
      int j) {
    KeyValueView view = span.keys();
    int base = 0;
    for (int b = 0; b < view.blocks().size() && base < to; b++) {
      CpuKeyValues block = CpuKeyValues.of(view.blocks().get(b));
      int length = view.lengths()[b];
      int first = Math.max(from, base);
      int n = Math.min(to, base + length) - first;
      if (n > 0) {
        int second = block.valuePanel();
        int w = panel * second + (first - base) * Panels.WIDTH;
        float[] values = block.values(kvHead);
        int so = j * Panels.SUMS;
        kernels.tileRows(cells, at + first, stride, values, w, second, panels, n, sums, so);
      }
      base += length;
    }
  }

  /** Keys {@code from .. to - 1} of one row. */
  private void mixRow(
      Kernels kernels,
      float[] cells,
      int at,
      int panel,
      int panels,
      int from,
      int to,
      float[] sums,
      int so) {
    KeyValueView view = span.keys();
    int base = 0;
    for (int b = 0; b < view.blocks().size() && base < to; b++) {
      CpuKeyValues block = CpuKeyValues.of(view.blocks().get(b));
      int length = view.lengths()[b];
      int first = Math.max(from, base);
      int n = Math.min(to, base + length) - first;
      if (n > 0) {
        int second = block.valuePanel();
        int w = panel * second + (first - base) * Panels.WIDTH;
        kernels.row(cells, at + first, block.values(kvHead), w, second, panels, n, sums, so);
      }
      base += length;
    }
  }
}
