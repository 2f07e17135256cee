package dev.diopter.kernels;

/**
 * Float32 memory of one backend. Opaque outside the backend that made it; owned by the caller, who
 * gives it back with {@link Backend#release(Buffer)}. Not thread safe: one run writes it.
 */
public interface Buffer {
  /** Number of floats. */
  int size();
}
