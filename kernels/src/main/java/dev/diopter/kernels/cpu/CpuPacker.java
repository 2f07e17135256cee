package dev.diopter.kernels.cpu;

import dev.diopter.kernels.StorageType;
import dev.diopter.kernels.StoredMatrix;
import dev.diopter.kernels.host.StoredValues;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Packs stored matrices into panels, straight from their bytes: blocks of 256 inputs by 16 outputs,
 * so that what is written stays in the first-level cache whichever way the source lies.
 */
final class CpuPacker {
  private static final ValueLayout.OfFloat FLOATS =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORTS =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Inputs of a block. */
  private static final int BLOCK = 256;

  /**
   * Panels that one thread packs block by block in turn: the source's rows are read in longer runs.
   */
  private static final int GROUP = 8;

  private final List<StoredMatrix> parts;
  private final int[] first; // first output of each part, then their sum
  private final CpuMatrix matrix;
  private final boolean plain; // the parts' bits are copied as they are

  private CpuPacker(List<StoredMatrix> parts, CpuMatrix matrix, boolean plain) {
    this.parts = parts;
    this.matrix = matrix;
    this.plain = plain;
    this.first = new int[parts.size() + 1];
    for (int i = 0; i < parts.size(); i++) {
      first[i + 1] = first[i] + parts.get(i).out();
    }
  }

  /** The parts side by side, in their own type if they agree, else in float32. */
  static CpuMatrix pack(List<StoredMatrix> parts, WorkerPool pool) {
    return pack(parts, pool, CpuMatrix.ARRAY_BYTES);
  }

  /** {@link #pack(List, WorkerPool)} into arrays of about so many bytes. */
  static CpuMatrix pack(List<StoredMatrix> parts, WorkerPool pool, long arrayBytes) {
    int out = StoredValues.totalOutputs(parts);
    int in = parts.getFirst().in();
    StorageType type = parts.getFirst().type();
    boolean alike = true;
    boolean shared = true;
    Thread other = new Thread(() -> {}, "never started");
    for (StoredMatrix part : parts) {
      alike &= part.type() == type;
      shared &= part.data().isAccessibleBy(other);
    }
    CpuMatrix matrix = new CpuMatrix(alike ? type : StorageType.F32, in, out, arrayBytes);
    CpuPacker packer = new CpuPacker(parts, matrix, alike);
    int groups = (matrix.panels() + GROUP - 1) / GROUP;
    if (shared) {
      pool.run(groups, (long) in * GROUP * Panels.WIDTH, (from, to, _) -> packer.groups(from, to));
    } else {
      // A confined segment: only this thread may read it.
      packer.groups(0, groups);
    }
    return matrix;
  }

  private void groups(int from, int to) {
    float[] floats = new float[BLOCK];
    short[] shorts = new short[BLOCK];
    for (int g = from; g < to; g++) {
      int end = Math.min(matrix.panels(), (g + 1) * GROUP);
      for (int i = 0; i < matrix.in(); i += BLOCK) {
        int rows = Math.min(BLOCK, matrix.in() - i);
        for (int panel = g * GROUP; panel < end; panel++) {
          block(panel, i, rows, floats, shorts);
        }
      }
    }
  }

  /** Fills inputs {@code i .. i + rows - 1} of one panel, part by part. */
  private void block(int panel, int i, int rows, float[] floats, short[] shorts) {
    int column = panel * Panels.WIDTH;
    int end = Math.min(matrix.out(), column + Panels.WIDTH);
    int part = 0;
    while (column < end) {
      while (first[part + 1] <= column) {
        part++;
      }
      int stop = Math.min(end, first[part + 1]);
      StoredMatrix source = parts.get(part);
      int output = column - first[part];
      int to = matrix.at(panel) + i * Panels.WIDTH + column % Panels.WIDTH;
      long at = source.offset() + i * source.inStride() + output * source.outStride();
      if (matrix.type() == StorageType.F32) {
        if (plain) {
          floats(source, at, rows, stop - column, matrix.floats(panel), to, floats);
        } else {
          values(source, at, rows, stop - column, matrix.floats(panel), to);
        }
      } else {
        shorts(source, at, rows, stop - column, matrix.halves(panel), to, shorts);
      }
      column = stop;
    }
  }

  private static void floats(
      StoredMatrix source, long at, int rows, int columns, float[] panel, int to, float[] run) {
    MemorySegment data = source.data();
    if (source.outStride() == 1) {
      for (int r = 0; r < rows; r++) {
        long from = (at + r * source.inStride()) * Float.BYTES;
        MemorySegment.copy(data, FLOATS, from, panel, to + r * Panels.WIDTH, columns);
      }
    } else if (source.inStride() == 1) {
      for (int c = 0; c < columns; c++) {
        long from = (at + c * source.outStride()) * Float.BYTES;
        MemorySegment.copy(data, FLOATS, from, run, 0, rows);
        for (int r = 0; r < rows; r++) {
          panel[to + c + r * Panels.WIDTH] = run[r];
        }
      }
    } else {
      values(source, at, rows, columns, panel, to);
    }
  }

  private static void shorts(
      StoredMatrix source, long at, int rows, int columns, short[] panel, int to, short[] run) {
    MemorySegment data = source.data();
    if (source.outStride() == 1) {
      for (int r = 0; r < rows; r++) {
        long from = (at + r * source.inStride()) * Short.BYTES;
        MemorySegment.copy(data, SHORTS, from, panel, to + r * Panels.WIDTH, columns);
      }
    } else if (source.inStride() == 1) {
      for (int c = 0; c < columns; c++) {
        long from = (at + c * source.outStride()) * Short.BYTES;
        MemorySegment.copy(data, SHORTS, from, run, 0, rows);
        for (int r = 0; r < rows; r++) {
          panel[to + c + r * Panels.WIDTH] = run[r];
        }
      }
    } else {
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < columns; c++) {
          long index = at + r * source.inStride() + c * source.outStride();
          panel[to + c + r * Panels.WIDTH] = StoredValues.bits(data, index);
        }
      }
    }
  }

  /** Element by element, of any type and strides. */
  private static void values(
      StoredMatrix source, long at, int rows, int columns, float[] panel, int to) {
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        long index = at + r * source.inStride() + c * source.outStride();
        panel[to + c + r * Panels.WIDTH] = StoredValues.value(source.data(), source.type(), index);
      }
    }
  }
}
