package dev.diopter.kernels.cuda;

import static dev.diopter.kernels.cuda.CudaCalls.check;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * The way between host and device: page-locked memory, which a copy that does not wait needs. What
 * goes up is written into one of two halves by turns; a half is written again when its copies are
 * done. Used on the CUDA thread alone.
 */
final class Staging {
  /** Most bytes that go up in one piece. */
  static final int HALF = 4 << 20;

  private static final int ALIGNMENT = 256;
  private static final long LEAST_DOWN = 1 << 20;
  private static final long MOST_DOWN = 64 << 20;

  private final CUstream stream;
  private final CUevent[] events = {new CUevent(), new CUevent()};
  private int made;
  private final boolean[] pending = new boolean[2];
  private @Nullable Pointer up;
  private int half;
  private int at;
  private @Nullable Pointer down;
  private long downBytes;

  Staging(CUstream stream) {
    this.stream = stream;
  }

  /** Copies up to {@link #HALF} bytes to the device, which {@code fill} writes. */
  void up(CUdeviceptr target, long offset, long bytes, Consumer<MemorySegment> fill) {
    Pointer memory = up == null ? lockUp() : up;
    if (at + bytes > HALF) {
      turn();
    }
    long from = (long) half * HALF + at;
    at += (int) ((bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    fill.accept(MemorySegment.ofBuffer(memory.getByteBuffer(from, bytes)));
    check(
        () ->
            JCudaDriver.cuMemcpyHtoDAsync(
                target.withByteOffset(offset), memory.withByteOffset(from), bytes, stream),
        "copy to the device");
  }

  private Pointer lockUp() {
    // Counted, because what comes next may fail and be tried again.
    for (; made < events.length; made++) {
      check(
          () -> JCudaDriver.cuEventCreate(events[made], CUevent_flags.CU_EVENT_DISABLE_TIMING),
          "cuEventCreate");
    }
    Pointer memory = new Pointer();
    check(() -> JCudaDriver.cuMemAllocHost(memory, 2L * HALF), "cuMemAllocHost");
    up = memory;
    return memory;
  }

  private void turn() {
    check(() -> JCudaDriver.cuEventRecord(events[half], stream), "cuEventRecord");
    pending[half] = true;
    half = 1 - half;
    at = 0;
    if (pending[half]) {
      check(() -> JCudaDriver.cuEventSynchronize(events[half]), "cuEventSynchronize");
      pending[half] = false;
    }
  }

  /**
   * Copies to the host and waits for it, and thereby for everything before.
   *
   * @param drain called for each piece with its bytes and their offset in the whole
   */
  void down(CUdeviceptr source, long offset, long bytes, Piece drain) {
    for (long done = 0; done < bytes; ) {
      Pointer memory = lockDown(bytes);
      long n = Math.min(bytes - done, downBytes);
      CUdeviceptr from = source.withByteOffset(offset + done);
      check(() -> JCudaDriver.cuMemcpyDtoHAsync(memory, from, n, stream), "copy from the device");
      check(() -> JCudaDriver.cuStreamSynchronize(stream), "waiting for the device");
      drain.take(MemorySegment.ofBuffer(memory.getByteBuffer(0, n)), done);
      done += n;
    }
  }

  private Pointer lockDown(long wanted) {
    long bytes = Math.clamp(wanted, LEAST_DOWN, MOST_DOWN);
    Pointer before = down;
    if (before != null && downBytes >= bytes) {
      return before;
    }
    if (before != null) {
      check(() -> JCudaDriver.cuMemFreeHost(before), "cuMemFreeHost");
      down = null;
    }
    Pointer memory = new Pointer();
    check(() -> JCudaDriver.cuMemAllocHost(memory, bytes), "cuMemAllocHost");
    down = memory;
    downBytes = bytes;
    return memory;
  }

  /** Gives the memory back; what fails is left to the context's end. */
  void close() {
    unlock(up);
    for (CUevent event : List.of(events).subList(0, made)) {
      CudaCalls.result(() -> JCudaDriver.cuEventDestroy(event));
    }
    unlock(down);
  }

  private static void unlock(@Nullable Pointer memory) {
    if (memory != null) {
      CudaCalls.result(() -> JCudaDriver.cuMemFreeHost(memory));
    }
  }

  /** Takes a piece of a download. */
  interface Piece {
    void take(MemorySegment bytes, long offset);
  }
}
