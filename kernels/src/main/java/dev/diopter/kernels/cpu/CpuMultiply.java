package dev.diopter.kernels.cpu;

import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.StorageType;
import dev.diopter.kernels.WeightSlice;
import dev.diopter.kernels.host.HostBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Products of rows with a slice of a packed matrix. Many rows are interleaved once, then threads
 * take pairs of panels; a few rows stream over the panels at the speed of memory. A slice may cut
 * panels: they are computed whole and the outputs outside are dropped.
 */
final class CpuMultiply {
  /**
   * Rows computed against a pair of panels before the next pair. Measured: with 12, 22, 33 and 44
   * groups, the longest blocks read weights least often and win by up to a tenth.
   */
  private static final int BLOCK_GROUPS = 44;

  private static final int LEAST_BLOCK_GROUPS = 3;

  /** Rows of one band at most: they are interleaved into scratch. */
  private static final int BAND_ROWS = BLOCK_GROUPS * Panels.ROWS;

  /** Rough speeds for deciding how many threads a product is worth. */
  private static final long BYTES_PER_NANO = 12;

  private static final long SUMS_PER_NANO = 40;

  private final Kernels kernels;
  private final WorkerPool pool;

  CpuMultiply(Kernels kernels, WorkerPool pool) {
    this.kernels = kernels;
    this.pool = pool;
  }

  /**
   * Shapes are checked. {@code heads} chains for each output, added in order; 1 is the plain
   * product.
   */
  void run(Matrix x, WeightSlice slice, int heads, @Nullable Buffer bias, Matrix out) {
    if (x.rows() == 0) {
      return;
    }
    CpuMatrix w = CpuMatrix.of(slice.matrix());
    Scratch scratch = pool.borrow();
    try {
      if (x.rows() <= kernels.fewRows(w.type() != StorageType.F32)) {
        rows(x, w, slice, heads, bias, out, scratch);
      } else {
        int bands = (x.rows() + BAND_ROWS - 1) / BAND_ROWS;
        int band = Panels.roundUp((x.rows() + bands - 1) / bands, Panels.ROWS);
        for (int r = 0; r < x.rows(); r += band) {
          int end = Math.min(x.rows(), r + band);
          tiles(x.rows(r, end), w, slice, heads, bias, out.rows(r, end), scratch);
        }
      }
    } finally {
      pool.giveBack(scratch);
    }
  }

  private void rows(
      Matrix x,
      CpuMatrix w,
      WeightSlice slice,
      int heads,
      @Nullable Buffer bias,
      Matrix out,
      Scratch scratch) {
    Product product =
        new Product(
            kernels,
            w,
            slice,
            heads,
            HostBuffer.of(x),
            x.offset(),
            x.stride(),
            x.rows(),
            array(bias),
            out);
    int first = slice.outFrom() / RowTask.PANELS / Panels.WIDTH;
    int end = Panels.roundUp(slice.outTo(), RowTask.PANELS * Panels.WIDTH);
    int items = end / RowTask.PANELS / Panels.WIDTH - first;
    long bytes = (long) slice.in() * RowTask.PANELS * Panels.WIDTH * w.type().bytes();
    long sums = (long) slice.in() * Panels.ROW_SUMS * x.rows();
    pool.run(
        items, bytes / BYTES_PER_NANO + sums / SUMS_PER_NANO, scratch, new RowTask(product, first));
  }

  private void tiles(
      Matrix x,
      CpuMatrix w,
      WeightSlice slice,
      int heads,
      @Nullable Buffer bias,
      Matrix out,
      Scratch scratch) {
    int k = slice.in();
    int groups = (x.rows() + Panels.ROWS - 1) / Panels.ROWS;
    float[] rows = scratch.rows(groups * Panels.ROWS * k);
    float[] source = HostBuffer.of(x);
    pool.run(
        groups,
        k * 12L,
        scratch,
        (from, to, _) ->
            Panels.interleave(source, x.offset(), x.stride(), x.rows(), k, from, to, rows));
    Product product = new Product(kernels, w, slice, heads, rows, 0, 0, x.rows(), array(bias), out);
    int first = slice.outFrom() / Panels.SUMS;
    int pairs = Panels.roundUp(slice.outTo(), Panels.SUMS) / Panels.SUMS - first;
    int blockGroups = blockGroups(groups, pairs);
    int blocks = (groups + blockGroups - 1) / blockGroups;
    long bytes = (long) k * Panels.SUMS * w.type().bytes();
    long sums = (long) k * Panels.SUMS * Math.min(groups, blockGroups) * Panels.ROWS;
    pool.run(
        pairs * blocks,
        bytes / BYTES_PER_NANO + sums / SUMS_PER_NANO,
        scratch,
        new TileTask(product, first, blocks, blockGroups));
  }

  /** Large blocks of equal size, but several pieces of work for each thread. */
  private int blockGroups(int groups, int pairs) {
    int wanted = (4 * pool.threads() + pairs - 1) / pairs;
    int fair = Math.max(LEAST_BLOCK_GROUPS, (groups + wanted - 1) / wanted);
    int most = Math.min(BLOCK_GROUPS, fair);
    int blocks = (groups + most - 1) / most;
    return (groups + blocks - 1) / blocks;
  }

  private static float @Nullable [] array(@Nullable Buffer bias) {
    return bias == null ? null : HostBuffer.of(bias);
  }

  /**
   * What is multiplied.
   *
   * @param x interleaved rows, or a few as they lie, {@code xRow} apart from {@code xo}
   */
  private record Product(
      Kernels kernels,
      CpuMatrix w,
      WeightSlice slice,
      int heads,
      float[] x,
      int xo,
      int xRow,
      int rows,
      float @Nullable [] bias,
      Matrix out) {

    /**
     * Adds the bias to the sums of one row, beginning with output {@code output}, and writes those
     * inside the slice.
     */
    void write(float[] sums, int at, int output, int n, int row) {
      int from = Math.max(output, slice.outFrom());
      int count = Math.min(output + n, slice.outTo()) - from;
      int source = at + from - output;
      int to = out.offset() + row * out.stride() + from - slice.outFrom();
      if (bias == null) {
        System.arraycopy(sums, source, HostBuffer.of(out), to, count);
      } else {
        kernels.add(sums, source, bias, from, count, HostBuffer.of(out), to);
      }
    }

    /** {@link #write} for the sums of several rows, [row][32]. */
    void writeRows(float[] sums, int output, int n, int row, int rows) {
      int from = Math.max(output, slice.outFrom());
      int count = Math.min(output + n, slice.outTo()) - from;
      int source = from - output;
      int to = out.offset() + row * out.stride() + from - slice.outFrom();
      float[] target = HostBuffer.of(out);
      if (bias == null) {
        kernels.store(sums, source, rows, count, target, to, out.stride());
      } else {
        kernels.storeBiased(sums, source, rows, count, bias, from, target, to, out.stride());
      }
    }

    int headWidth() {
      return slice.in() / heads;
    }
  }

  /** A few rows; an item is four neighbouring panels. */
  private record RowTask(Product p, int first) implements WorkerPool.Task {
    private static final int PANELS = Panels.ROW_PANELS;

    /** Inputs for which four panels stay in a first-level cache until all rows have met them. */
    private static final int BLOCK = 128;

    /** Inputs of a block of 16-bit weights that are widened at once. */
    private static final int WIDENED = 128;

    @Override
    public void run(int from, int to, Scratch scratch) {
      int panel = Math.max((first + from) * PANELS, p.slice.outFrom() / Panels.WIDTH);
      int end = Math.min((first + to) * PANELS, Panels.count(p.slice.outTo()));
      int size = p.rows * Panels.ROW_SUMS;
      while (panel < end) {
        int n = Math.min(PANELS - panel % PANELS, p.w.together(panel, end));
        n = Math.min(n, end - panel);
        float[] sums = scratch.sums(size);
        chain(0, panel, n, sums, scratch);
        for (int h = 1; h < p.heads; h++) {
          float[] more = scratch.moreSums(size);
          chain(h, panel, n, more, scratch);
          p.kernels.add(sums, 0, more, 0, size, sums, 0);
        }
        for (int r = 0; r < p.rows; r++) {
          p.write(sums, r * Panels.ROW_SUMS, panel * Panels.WIDTH, n * Panels.WIDTH, r);
        }
        panel += n;
      }
    }

    private void chain(int head, int panel, int panels, float[] sums, Scratch scratch) {
      Arrays.fill(sums, 0, p.rows * Panels.ROW_SUMS, 0f);
      int k = p.headWidth();
      int xo = p.xo + head * k;
      int i = p.slice.inFrom() + head * k;
      int stride = p.w.panelSize();
      int at = p.w.at(panel) + i * Panels.WIDTH;
      if (p.w.type() == StorageType.F32) {
        float[] w = p.w.floats(panel);
        int block = p.rows == 1 ? k : BLOCK;
        for (int from = 0; from < k; from += block) {
          int n = Math.min(block, k - from);
          block(xo + from, w, at + from * Panels.WIDTH, stride, panels, n, sums);
        }
      } else if (p.rows == 1 && p.w.type() == StorageType.BF16) {
        p.kernels.rowBfloat16(p.x, xo, p.w.halves(panel), at, stride, panels, k, sums, 0);
      } else if (p.rows == 1 && p.kernels.widensFloat16()) {
        p.kernels.rowFloat16(p.x, xo, p.w.halves(panel), at, stride, panels, k, sums, 0);
      } else {
        float[] w = scratch.weights(PANELS * WIDENED * Panels.WIDTH);
        for (int from = 0; from < k; from += WIDENED) {
          int n = Math.min(WIDENED, k - from);
          int size = n * Panels.WIDTH;
          for (int q = 0; q < panels; q++) {
            p.w.widen(p.kernels, panel + q, i + from, n, w, q * size);
          }
          block(xo + from, w, 0, size, panels, n, sums);
        }
      }
    }

    private void block(int xo, float[] w, int wo, int stride, int panels, int n, float[] sums) {
      if (p.rows == 1) {
        p.kernels.row(p.x, xo, w, wo, stride, panels, n, sums, 0);
      } else {
        p.kernels.rows(p.x, xo, p.xRow, p.rows, w, wo, stride, panels, n, sums, 0);
      }
    }
  }

  /**
   * Many rows; an item is a pair of panels and a block of rows, neighbouring items sharing the
   * pair.
   */
  private record TileTask(Product p, int first, int blocks, int blockGroups)
      implements WorkerPool.Task {

    /** Inputs for which two panels and the rows of a tile fill a first-level cache of 48 KiB. */
    private static final int BLOCK = 256;

    /** Groups of rows whose sums of two heads stay in that cache as well. */
    private static final int HEAD_GROUPS = 4;

    @Override
    public void run(int from, int to, Scratch scratch) {
      for (int item = from; item < to; item++) {
        block((first + item / blocks) * Panels.PAIR, item % blocks * blockGroups, scratch);
      }
    }

    private void block(int pair, int group, Scratch scratch) {
      int panel = Math.max(pair, p.slice.outFrom() / Panels.WIDTH);
      int panels = Math.min(pair + Panels.PAIR, Panels.count(p.slice.outTo())) - panel;
      int row = group * Panels.ROWS;
      int rows = Math.min(p.rows - row, blockGroups * Panels.ROWS);
      int most = p.heads == 1 ? rows : HEAD_GROUPS * Panels.ROWS;
      for (int r = 0; r < rows; r += most) {
        rows(panel, panels, row + r, Math.min(most, rows - r), scratch);
      }
    }

    private void rows(int panel, int panels, int row, int rows, Scratch scratch) {
      int size = Panels.roundUp(rows, Panels.QUAD) * Panels.SUMS;
      float[] sums = scratch.sums(size);
      chain(0, panel, panels, row, rows, sums, scratch);
      for (int h = 1; h < p.heads; h++) {
        float[] more = scratch.moreSums(size);
        chain(h, panel, panels, row, rows, more, scratch);
        p.kernels.add(sums, 0, more, 0, size, sums, 0);
      }
      p.writeRows(sums, panel * Panels.WIDTH, panels * Panels.WIDTH, row, rows);
    }

    private void chain(
        int head, int panel, int panels, int row, int rows, float[] sums, Scratch scratch) {
      Arrays.fill(sums, 0, Panels.roundUp(rows, Panels.QUAD) * Panels.SUMS, 0f);
      int k = p.headWidth();
      int xGroup = Panels.ROWS * p.slice.in();
      int xo = row * p.slice.in() + Panels.ROWS * head * k;
      int i = p.slice.inFrom() + head * k;
      for (int from = 0; from < k; from += BLOCK) {
        int n = Math.min(BLOCK, k - from);
        int x = xo + Panels.ROWS * from;
        if (p.w.type() == StorageType.F32) {
          int at = p.w.at(panel) + (i + from) * Panels.WIDTH;
          float[] w = p.w.floats(panel);
          p.kernels.tiles(p.x, x, xGroup, rows, w, at, p.w.panelSize(), panels, n, sums, 0);
        } else {
          float[] block = scratch.weights(Panels.PAIR * BLOCK * Panels.WIDTH);
          for (int q = 0; q < panels; q++) {
            p.w.widen(p.kernels, panel + q, i + from, n, block, q * n * Panels.WIDTH);
          }
          int second = n * Panels.WIDTH;
          p.kernels.tiles(p.x, x, xGroup, rows, block, 0, second, panels, n, sums, 0);
        }
      }
    }
  }
}
