package dev.diopter.engine;

import org.jspecify.annotations.Nullable;

/** Copies selected values out of a pass. */
final class ReadOps {
  private ReadOps() {}

  /**
   * The selected part of a tensor, rows and heads in the order of the selection. Selected positions
   * that the tensor does not hold are left out; selected keys that it does not hold are masked
   * cells.
   *
   * @return null where no selected row is in the tensor
   */
  static @Nullable Activation extract(ResolvedRead read, HostTensor tensor) {
    Slice slice = Slice.of(read.where(), tensor);
    return slice == null ? null : activation(read, slice, slice.gather());
  }

  /**
   * {@link #extract} of a tensor whose numbers nobody else holds: all of it is not copied again.
   */
  static @Nullable Activation extractOwned(ResolvedRead read, HostTensor tensor) {
    Slice slice = Slice.of(read.where(), tensor);
    return slice == null
        ? null
        : activation(read, slice, slice.isWhole() ? tensor.values() : slice.gather());
  }

  private static Activation activation(ResolvedRead read, Slice slice, float[] values) {
    return new Activation(read.point().name(), read.point().site().axes(), slice.shape(), values);
  }
}
