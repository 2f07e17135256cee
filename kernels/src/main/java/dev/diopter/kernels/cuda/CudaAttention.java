package dev.diopter.kernels.cuda;

import static dev.diopter.kernels.cuda.CudaHandles.address;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.KeyValueBlock;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.host.Shapes;
import java.util.ArrayList;
import java.util.List;

/** Attention: many spans to a launch, whose places travel with the launch's arguments. */
final class CudaAttention {
  /** Threads of a block; the same everywhere, because sums depend on it. */
  private static final int THREADS = 128;

  private static final int REDUCTION = 32;

  /** What a block may have of shared memory on every device. */
  private static final int SHARED_BYTES = 48 << 10;

  /** Most bytes of cells in device memory, where rows are too long for shared memory. */
  private static final long MOST_CELLS = 64 << 20;

  private final CudaThread thread;
  private final DeviceMemory memory;

  CudaAttention(CudaThread thread, DeviceMemory memory) {
    this.thread = thread;
    this.memory = memory;
  }

  void store(Matrix keys, Matrix values, KeyValueBlock target, int at) {
    thread.open();
    Shapes.store(keys, values, target, at);
    CudaHandles.KeyValues block = CudaHandles.KeyValues.of(target);
    int count = keys.rows() * keys.columns();
    if (count == 0) {
      return;
    }
    thread.run(device -> {
      device
          .arguments()
          .address(address(keys))
          .integer(keys.stride())
          .address(address(values))
          .integer(values.stride())
          .integer(count)
          .integer(keys.columns())
          .address(block.keys(at))
          .address(block.values(at));
      device.run(Kernel.STORE, (count + 255) / 256, 1, 256, 0);
    });
  }

  void attention(Matrix q, List<AttentionSpan> spans, int heads, float scale, Matrix z) {
    thread.open();
    for (AttentionSpan span : spans) {
      Shapes.span("q", q, span, heads);
      Shapes.span("z", z, span, heads);
    }
    Shapes.alike(spans);
    List<AttentionSpan> whole = new ArrayList<>();
    List<DeviceMemory.Block> joined = new ArrayList<>();
    try {
      for (AttentionSpan span : spans) {
        if (span.rows() > 0) {
          whole.add(new ViewJoiner(thread, memory, joined).join(span));
        }
      }
      attend(q, whole, heads, scale, z);
    } finally {
      joined.forEach(memory::release);
    }
  }

  /** Spans that a launch can name, in as few launches as may be. */
  private void attend(Matrix q, List<AttentionSpan> whole, int heads, float scale, Matrix z) {
    SpanTable table = new SpanTable();
    int keys = 0;
    for (AttentionSpan span : whole) {
      int most = rowsAtOnce(heads, span.keyCount(), q.columns() / heads);
      for (int from = 0; from < span.rows(); from += most) {
        AttentionSpan part = part(span, from, Math.min(most, span.rows() - from));
        keys = Math.max(keys, part.keyCount());
        if (!table.fits(part)
            || table.rows() + part.rows() > rowsAtOnce(heads, keys, q.columns() / heads)) {
          launch(q, table, heads, scale, z);
          table = new SpanTable();
          keys = part.keyCount();
        }
        table.add(part);
      }
    }
    launch(q, table, heads, scale, z);
  }

  private static AttentionSpan part(AttentionSpan span, int from, int rows) {
    return new AttentionSpan(span.firstRow() + from, rows, span.firstIndex() + from, span.keys());
  }

  /** How many rows one launch may have, so that their cells stay within bounds. */
  private static int rowsAtOnce(int heads, int keys, int headDim) {
    return sharedBytes(headDim, keys) <= SHARED_BYTES
        ? Integer.MAX_VALUE
        : (int) Math.max(1, MOST_CELLS / Float.BYTES / heads / keys);
  }

  private static int sharedBytes(int headDim, int cells) {
    return (int)
        Math.min(Integer.MAX_VALUE, (REDUCTION + THREADS + headDim + (long) cells) * Float.BYTES);
  }

  private void launch(Matrix q, SpanTable table, int heads, float scale, Matrix z) {
    if (table.rows() == 0) {
      return;
    }
    int headDim = table.headDim();
    int keys = table.keys();
    boolean inShared = sharedBytes(headDim, keys) <= SHARED_BYTES;
    DeviceMemory.Block cells =
        inShared ? null : memory.allocate((long) table.rows() * heads * keys * Float.BYTES);
    thread.run(device -> {
      device
          .arguments()
          .address(address(q))
          .integer(q.stride())
          .address(address(z))
          .integer(z.stride())
          .integer(heads)
          .integer(table.heads())
          .integer(headDim)
          .number(scale)
          .address(cells == null ? 0 : cells.address())
          .integer(keys)
          .structure(table::write);
      device.run(
          Kernel.ATTENTION,
          table.rows(),
          heads,
          THREADS,
          sharedBytes(headDim, inShared ? keys : 0));
    });
    if (cells != null) {
      memory.release(cells);
    }
  }

  void scores(Matrix q, AttentionSpan span, int heads, float scale, Buffer out) {
    thread.open();
    Shapes.cells("scores", out, span, heads);
    Shapes.span("q", q, span, heads);
    one(
        span,
        table ->
            thread.run(device -> {
              device
                  .arguments()
                  .address(address(q))
                  .integer(q.stride())
                  .integer(heads)
                  .integer(table.heads())
                  .integer(table.headDim())
                  .number(scale)
                  .address(address(out, 0))
                  .integer(span.keyCount())
                  .structure(table::write);
              device.run(Kernel.SCORES, span.rows(), heads, THREADS, table.headDim() * Float.BYTES);
            }));
  }

  void softmax(Buffer scores, AttentionSpan span, int heads, Buffer pattern) {
    thread.open();
    Shapes.cells("scores", scores, span, heads);
    Shapes.cells("pattern", pattern, span, heads);
    if (span.rows() == 0) {
      return;
    }
    thread.run(device -> {
      device
          .arguments()
          .address(address(scores, 0))
          .integer(span.firstIndex() + 1)
          .integer(span.keyCount())
          .address(address(pattern, 0));
      device.run(Kernel.SOFTMAX, span.rows(), heads, THREADS, 0);
    });
  }

  void mix(Buffer pattern, AttentionSpan span, int heads, Matrix z) {
    thread.open();
    Shapes.cells("pattern", pattern, span, heads);
    Shapes.span("z", z, span, heads);
    one(
        span,
        table ->
            thread.run(device -> {
              device
                  .arguments()
                  .address(address(pattern, 0))
                  .integer(span.keyCount())
                  .integer(heads)
                  .integer(table.heads())
                  .integer(table.headDim())
                  .address(address(z))
                  .integer(z.stride())
                  .structure(table::write);
              device.run(Kernel.MIX, span.rows(), heads, THREADS, THREADS * Float.BYTES);
            }));
  }

  /** A table of one span; nothing where it has no rows. */
  private void one(AttentionSpan span, java.util.function.Consumer<SpanTable> use) {
    if (span.rows() == 0) {
      return;
    }
    List<DeviceMemory.Block> joined = new ArrayList<>();
    try {
      SpanTable table = new SpanTable();
      table.add(new ViewJoiner(thread, memory, joined).join(span));
      use.accept(table);
    } finally {
      joined.forEach(memory::release);
    }
  }
}
