package dev.diopter.kernels.cuda;

import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.StoredMatrix;
import dev.diopter.kernels.host.Shapes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/** Copies between host and device. What goes up is copied before the call returns. */
final class CudaTransfers {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  private final CudaThread thread;
  private final DeviceMemory memory;
  private final CudaRows rows;

  CudaTransfers(CudaThread thread, DeviceMemory memory, CudaRows rows) {
    this.thread = thread;
    this.memory = memory;
    this.rows = rows;
  }

  void upload(float[] source, int from, Buffer target, int at, int count) {
    thread.open();
    Shapes.range("source", from, count, source.length);
    Shapes.range("target", at, count, target.size());
    DeviceMemory.Block block = CudaHandles.Floats.of(target).block();
    upload(Arrays.copyOfRange(source, from, from + count), block, (long) at * Float.BYTES);
  }

  /** The array is not to be changed any more. */
  private void upload(float[] values, DeviceMemory.Block block, long offset) {
    thread.run(device -> {
      int most = Staging.HALF / Float.BYTES;
      for (int done = 0; done < values.length; done += most) {
        int from = done;
        int n = Math.min(most, values.length - done);
        device
            .staging()
            .up(
                block.pointer(),
                offset + (long) from * Float.BYTES,
                (long) n * Float.BYTES,
                to -> MemorySegment.copy(values, from, to, FLOAT, 0, n));
      }
    });
  }

  void download(Buffer source, int from, float[] target, int at, int count) {
    thread.open();
    Shapes.range("source", from, count, source.size());
    Shapes.range("target", at, count, target.length);
    if (count > 0) {
      download(CudaHandles.Floats.of(source).block(), (long) from * Float.BYTES, target, at, count);
    }
  }

  /** Waits. */
  void download(DeviceMemory.Block block, long offset, float[] target, int at, int count) {
    thread.await(device -> {
      device
          .staging()
          .down(
              block.pointer(),
              offset,
              (long) count * Float.BYTES,
              (bytes, done) ->
                  MemorySegment.copy(
                      bytes,
                      FLOAT,
                      0,
                      target,
                      at + (int) (done / Float.BYTES),
                      (int) (bytes.byteSize() / Float.BYTES)));
      return null;
    });
  }

  /** Rows with gaps go through memory without. */
  void upload(float[] source, Matrix target) {
    if (target.rows() == 0) {
      return;
    }
    Shapes.range("source", 0, target.rows() * target.columns(), source.length);
    if (isDense(target)) {
      upload(source, 0, target.buffer(), target.offset(), target.rows() * target.columns());
      return;
    }
    try (Dense dense = new Dense(target)) {
      upload(source, 0, dense.view.buffer(), 0, dense.count);
      rows.copyRows(dense.view, 0, target);
    }
  }

  void download(Matrix source, float[] target) {
    if (source.rows() == 0) {
      return;
    }
    int count = source.rows() * source.columns();
    if (isDense(source)) {
      download(source.buffer(), source.offset(), target, 0, count);
      return;
    }
    try (Dense dense = new Dense(source)) {
      rows.copyRows(source, 0, dense.view);
      download(dense.view.buffer(), 0, target, 0, count);
    }
  }

  private static boolean isDense(Matrix view) {
    return view.stride() == view.columns() || view.rows() == 1;
  }

  /** A view's shape without gaps, for a while. */
  private final class Dense implements AutoCloseable {
    private final DeviceMemory.Block block;
    private final Matrix view;
    private final int count;

    Dense(Matrix shape) {
      count = shape.rows() * shape.columns();
      block = memory.allocate((long) count * Float.BYTES);
      view = Matrix.of(new CudaHandles.Floats(block, count), shape.rows(), shape.columns());
    }

    @Override
    public void close() {
      memory.release(block);
    }
  }

  DeviceMemory.Block indices(int[] values) {
    DeviceMemory.Block block = memory.allocate((long) values.length * Integer.BYTES);
    words(values, block);
    return block;
  }

  /** Integers, or floats as their bits; the array is not to be changed any more. */
  void words(int[] values, DeviceMemory.Block block) {
    thread.run(device -> {
      int most = Staging.HALF / Integer.BYTES;
      for (int done = 0; done < values.length; done += most) {
        int from = done;
        int n = Math.min(most, values.length - done);
        device
            .staging()
            .up(
                block.pointer(),
                (long) from * Integer.BYTES,
                (long) n * Integer.BYTES,
                to -> MemorySegment.copy(values, from, to, INT, 0, n));
      }
    });
  }

  DeviceMemory.Block frequencies(double[] values) {
    DeviceMemory.Block block = memory.allocate((long) values.length * Double.BYTES);
    double[] own = values.clone();
    if (own.length > 0) {
      thread.run(device ->
          device
              .staging()
              .up(
                  block.pointer(),
                  0,
                  (long) own.length * Double.BYTES,
                  to ->
                      MemorySegment.copy(
                          own, 0, to, ValueLayout.JAVA_DOUBLE_UNALIGNED, 0, own.length)));
    }
    return block;
  }

  /** Packs weights; waits, because what they are read from may go afterwards. */
  CudaHandles.Weights pack(List<StoredMatrix> parts, boolean half) {
    thread.open();
    CudaPacker packer = new CudaPacker(parts, half);
    int bytesEach = half ? Short.BYTES : Float.BYTES;
    long elements = (long) packer.in() * packer.out();
    DeviceMemory.Block block = memory.allocate(elements * bytesEach);
    try {
      thread.call(device -> {
        int most = Staging.HALF / bytesEach;
        for (long done = 0; done < elements; done += most) {
          long from = done;
          int n = (int) Math.min(most, elements - done);
          device
              .staging()
              .up(
                  block.pointer(),
                  from * bytesEach,
                  (long) n * bytesEach,
                  to -> packer.write(to, from, n));
        }
        return null;
      });
    } catch (RuntimeException e) {
      memory.release(block);
      throw e;
    }
    return new CudaHandles.Weights(block, packer.in(), packer.out(), packer.transposed(), half);
  }
}
