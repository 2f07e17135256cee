package dev.diopter.kernels.host;

import dev.diopter.kernels.IndexBuffer;

/** Int32 memory on the Java heap. Immutable: nobody writes the array after construction. */
public final class HostIndices implements IndexBuffer {
  private final int[] values;

  /** Copies the values. */
  public HostIndices(int[] values) {
    this.values = values.clone();
  }

  @Override
  public int size() {
    return values.length;
  }

  /** The indices behind a buffer that a heap backend made, not to be written. */
  public static int[] of(IndexBuffer buffer) {
    if (buffer instanceof HostIndices host) {
      return host.values;
    }
    throw new IllegalArgumentException(
        "expected indices on the Java heap, got " + buffer.getClass().getSimpleName());
  }
}
