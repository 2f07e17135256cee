package dev.diopter.kernels.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * Launches kernels. Arguments are written into one block of memory, which the driver copies at
 * launch, so it serves all launches. Used on the CUDA thread alone.
 */
final class Launch {
  private static final int MOST_ARGUMENTS = 20;
  private static final int BYTES = 4096;

  private final CUstream stream;
  private final ByteBuffer arguments =
      ByteBuffer.allocateDirect(BYTES).order(ByteOrder.nativeOrder());
  private final Pointer[] byCount = new Pointer[MOST_ARGUMENTS + 1];
  private int count;

  Launch(CUstream stream) {
    this.stream = stream;
    Pointer[] slots = new Pointer[MOST_ARGUMENTS];
    for (int i = 0; i < MOST_ARGUMENTS; i++) {
      slots[i] = Pointer.to(arguments).withByteOffset(8L * i);
      byCount[i + 1] = Pointer.to(java.util.Arrays.copyOf(slots, i + 1));
    }
  }

  /** Forgets the arguments. */
  Launch start() {
    count = 0;
    return this;
  }

  Launch address(long value) {
    arguments.putLong(8 * count++, value);
    return this;
  }

  Launch integer(int value) {
    arguments.putInt(8 * count++, value);
    return this;
  }

  Launch number(float value) {
    arguments.putFloat(8 * count++, value);
    return this;
  }

  Launch wide(long value) {
    return address(value);
  }

  /** A structure, the last argument; the writer's positions count from its start. */
  Launch structure(Consumer<ByteBuffer> writer) {
    int at = 8 * count++;
    writer.accept(arguments.slice(at, BYTES - at).order(ByteOrder.nativeOrder()));
    return this;
  }

  void run(CUfunction function, String name, int gridX, int gridY, int block, int shared) {
    CudaCalls.check(
        () ->
            JCudaDriver.cuLaunchKernel(
                function, gridX, gridY, 1, block, 1, 1, shared, stream, byCount[count], null),
        "kernel " + name);
  }
}
