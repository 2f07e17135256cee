package dev.diopter.engine;

import dev.diopter.models.ModelException;

/**
 * Runs a user's function on a copy of a selection and takes the copy back when it keeps the rules.
 */
final class FunctionEdit {
  private FunctionEdit() {}

  static void apply(ResolvedEdit edit, EditFunction function, Slice slice) {
    float[] values = slice.gather();
    function.edit(new View(slice, values));
    check(edit, slice, values);
    slice.scatter(values);
  }

  private static void check(ResolvedEdit edit, Slice slice, float[] values) {
    FiniteRule rule = new FiniteRule(edit);
    float[] before = slice.gather();
    for (int r = 0; r < slice.rows().length; r++) {
      int row = slice.rows()[r];
      int position = slice.tensor().positions()[row];
      for (int h = 0; h < slice.heads().length; h++) {
        int at = slice.at(r, h);
        for (int k = 0; k < slice.width(); k++) {
          int key = slice.keys() == null ? k : slice.keys()[k];
          boolean exists = key < slice.tensor().visible(row);
          if (!exists
              && Float.floatToRawIntBits(values[at + k])
                  != Float.floatToRawIntBits(before[at + k])) {
            throw new ModelException(
                "%s, head %d: a function wrote to query %d, key %d; a key behind its query does not exist and must stay %s"
                    .formatted(edit.point(), slice.heads()[h], position, key, before[at + k]));
          }
        }
        rule.check(before, at, values, at, slice.width(), position, slice.heads()[h]);
      }
    }
  }

  /** Arrays are the caller's to keep, but for the values, which are taken back. */
  private record View(Slice slice, float[] values) implements EditView {
    @Override
    public HookPoint point() {
      return slice.tensor().point();
    }

    @Override
    public int sequence() {
      return slice.tensor().sequence();
    }

    @Override
    public int step() {
      return slice.tensor().step();
    }

    @Override
    public int[] positions() {
      return slice.positions();
    }

    @Override
    public int[] heads() {
      return slice.heads().clone();
    }

    @Override
    public int[] shape() {
      return slice.shape();
    }
  }
}
