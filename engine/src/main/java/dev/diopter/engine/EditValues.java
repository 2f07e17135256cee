package dev.diopter.engine;

import org.jspecify.annotations.Nullable;

/**
 * An edit's array and where in it the values of a selected row lie: rank 1 serves every row, one
 * position's rank every position, the full rank is [place, head, inner] or [head, place, key].
 *
 * @param data the array; empty where the operation has none
 * @param placeStride elements from one selected place to the next
 * @param headStride elements from one selected head to the next
 */
record EditValues(float[] data, int placeStride, int headStride) {
  private static final float[] NONE = {};

  static EditValues of(ResolvedEdit edit, Slice slice) {
    Operation.Value array = array(edit.operation());
    if (array == null) {
      return new EditValues(NONE, 0, 0);
    }
    int[] shape = array.shape();
    int width = shape.length == 0 ? 0 : shape[shape.length - 1];
    boolean full = shape.length == edit.point().site().axes().size();
    int placeStride = !full ? 0 : slice.overKeys() || shape.length == 2 ? width : shape[1] * width;
    int headStride =
        slice.overKeys()
            ? (full ? shape[1] * width : 0)
            : shape.length >= 2 && edit.point().site().headAxis() != null ? width : 0;
    return new EditValues(array.data(), placeStride, headStride);
  }

  private static Operation.@Nullable Value array(Operation operation) {
    return switch (operation) {
      case Operation.Replace r -> r.value();
      case Operation.Add a -> a.value();
      case Operation.Mean m -> m.value();
      case Operation.Interpolate i -> i.value();
      default -> null;
    };
  }

  /** Where the values of selected row r and head h begin. */
  int at(Slice slice, int r, int h) {
    return slice.places()[r] * placeStride + h * headStride;
  }
}
