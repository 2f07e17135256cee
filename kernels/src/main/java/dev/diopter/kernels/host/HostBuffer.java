package dev.diopter.kernels.host;

import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;

/** Float32 memory on the Java heap. The array is shared with whoever asks for it, never copied. */
public final class HostBuffer implements Buffer {
  private final float[] data;

  /** Takes the array over. */
  public HostBuffer(float[] data) {
    this.data = data;
  }

  @Override
  public int size() {
    return data.length;
  }

  /** The memory itself. */
  public float[] data() {
    return data;
  }

  /** The array behind a buffer that a heap backend made; {@link IllegalArgumentException} for any other buffer. */
  public static float[] of(Buffer buffer) {
    if (buffer instanceof HostBuffer host) {
      return host.data;
    }
    throw new IllegalArgumentException(
        "expected a buffer on the Java heap, got " + buffer.getClass().getSimpleName());
  }

  /** The array behind a view. */
  public static float[] of(Matrix view) {
    return of(view.buffer());
  }
}
