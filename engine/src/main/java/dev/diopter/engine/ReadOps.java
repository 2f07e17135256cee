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
    return slice == null
        ? null
        : new Activation(
            read.point().name(), read.point().site().axes(), slice.shape(), slice.gather());
  }
}
