package dev.diopter.kernels;

/** Int32 memory of one backend (token ids, positions, row numbers), immutable once made. */
public interface IndexBuffer {
  /** Number of indices. */
  int size();
}
