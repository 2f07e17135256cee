package dev.diopter.kernels.cuda;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.KeyValueView;
import java.util.List;
import jcuda.driver.CUdeviceptr;

/**
 * Copies the keys and values of a view of more parts than a launch can name into one block, on the
 * device.
 */
final class ViewJoiner {
  private final CudaThread thread;
  private final DeviceMemory memory;
  private final List<DeviceMemory.Block> made;

  /** What it allocates it adds to {@code made}, whose owner releases it. */
  ViewJoiner(CudaThread thread, DeviceMemory memory, List<DeviceMemory.Block> made) {
    this.thread = thread;
    this.memory = memory;
    this.made = made;
  }

  /** The span itself, where it has few parts. */
  AttentionSpan join(AttentionSpan span) {
    KeyValueView view = span.keys();
    if (view.blocks().size() <= SpanTable.PARTS) {
      return span;
    }
    CudaHandles.KeyValues first = CudaHandles.KeyValues.of(view.blocks().getFirst());
    int length = view.length();
    long row = (long) first.heads() * first.headDim() * Float.BYTES;
    DeviceMemory.Block block = memory.allocate(2L * length * row);
    made.add(block);
    CudaHandles.KeyValues whole =
        new CudaHandles.KeyValues(block, first.heads(), first.headDim(), length);
    int at = 0;
    for (int i = 0; i < view.blocks().size(); i++) {
      CudaHandles.KeyValues part = CudaHandles.KeyValues.of(view.blocks().get(i));
      int entries = view.lengths()[i];
      if (entries > 0) {
        copy(part.block(), 0, block, at * row, entries * row);
        copy(part.block(), part.capacity() * row, block, (length + at) * row, entries * row);
      }
      at += entries;
    }
    return new AttentionSpan(
        span.firstRow(),
        span.rows(),
        span.firstIndex(),
        new KeyValueView(List.of(whole), new int[] {length}));
  }

  private void copy(
      DeviceMemory.Block from, long fromByte, DeviceMemory.Block to, long toByte, long bytes) {
    CUdeviceptr source = from.pointer().withByteOffset(fromByte);
    CUdeviceptr target = to.pointer().withByteOffset(toByte);
    thread.run(device -> device.copy(source, target, bytes));
  }
}
