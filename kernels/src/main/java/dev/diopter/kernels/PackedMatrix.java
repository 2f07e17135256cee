package dev.diopter.kernels;

/**
 * A weight matrix W [in, out] in the layout that its backend multiplies fastest. Immutable, shared
 * by threads, released with {@link Backend#release(PackedMatrix)}.
 */
public interface PackedMatrix {
  /** Number of inputs. */
  int in();

  /** Number of outputs. */
  int out();

  /** Bytes that it holds. */
  long bytes();

  /** All inputs and outputs. */
  default WeightSlice all() {
    return new WeightSlice(this, 0, in(), 0, out());
  }
}
