package dev.diopter.kernels.host;

import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Float32 memory on the Java heap. The array is shared with whoever asks for it, never copied. */
public final class HostBuffer implements Buffer {
  /**
   * Memory comes uninitialised, which on the heap means zeros by accident. With assertions on it
   * comes as NaN, so that tests find whoever reads before writing.
   */
  private static final boolean SPOIL = HostBuffer.class.desiredAssertionStatus();

  private float @Nullable [] data; // null once given back

  private HostBuffer(float[] data) {
    this.data = data;
  }

  /** Memory with unspecified contents. */
  public static HostBuffer allocate(int floats) {
    if (floats < 0) {
      throw new IllegalArgumentException("expected 0 or more floats, got " + floats);
    }
    return over(new float[floats]);
  }

  /** A buffer over memory that nobody else uses; its contents are unspecified from now on. */
  public static HostBuffer over(float[] data) {
    spoil(data);
    return new HostBuffer(data);
  }

  /** Takes the memory away, for another buffer; null if that has happened before. */
  public float @Nullable [] surrender() {
    float[] memory = data;
    data = null;
    return memory;
  }

  /** Makes sure that nobody relies on what fresh memory holds, when assertions are on. */
  public static void spoil(float[]... arrays) {
    if (SPOIL) {
      for (float[] array : arrays) {
        Arrays.fill(array, Float.NaN);
      }
    }
  }

  @Override
  public int size() {
    return data().length;
  }

  /**
   * The memory itself.
   *
   * @throws IllegalStateException if it was given back
   */
  public float[] data() {
    float[] memory = data;
    if (memory == null) {
      throw new IllegalStateException("expected a buffer in use, got one that was released");
    }
    return memory;
  }

  /**
   * The array behind a buffer that a heap backend made; {@link IllegalArgumentException} for any
   * other buffer.
   */
  public static float[] of(Buffer buffer) {
    if (buffer instanceof HostBuffer host) {
      return host.data();
    }
    throw new IllegalArgumentException(
        "expected a buffer on the Java heap, got " + buffer.getClass().getSimpleName());
  }

  /** The array behind a view. */
  public static float[] of(Matrix view) {
    return of(view.buffer());
  }
}
