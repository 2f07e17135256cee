package dev.diopter.engine;

import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.CellEdit;
import dev.diopter.kernels.Tape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Edits that run where the values are, by {@link EditOps}' formulas; projections there sum in
 * another order. Whether one wrote NaN or infinity is known when the pass has ended.
 */
final class DeviceEdits {
  private final @Nullable Tape tape;
  private final List<Made> made = new ArrayList<>(); // by their numbers on the tape

  private record Made(ResolvedEdit edit, Slice slice) {}

  DeviceEdits(@Nullable Tape tape) {
    this.tape = tape;
  }

  /** Whether all of these can run on a device, and there is one. */
  boolean canMake(List<ResolvedEdit> edits) {
    return tape != null && edits.stream().allMatch(DeviceEdits::needsNoHost);
  }

  private static boolean needsNoHost(ResolvedEdit edit) {
    return switch (edit.operation()) {
      case Operation.Function _, Operation.Noise _ -> false;
      case Operation.ProjectOut _ -> edit.where().keys() == null;
      default -> true;
    };
  }

  /**
   * Makes edits in their order, on the rows that the tensor has.
   *
   * @param shape the value's place; its numbers are in the buffer
   */
  void make(
      List<ResolvedEdit> edits,
      HostTensor shape,
      Buffer buffer,
      int offset,
      int rowStride,
      int headStride) {
    for (ResolvedEdit edit : edits) {
      Slice slice = Slice.of(edit.where(), shape);
      if (slice != null && tape != null && changesAnything(edit.operation())) {
        tape.edit(cells(edit, slice, buffer, offset, rowStride, headStride));
        made.add(new Made(edit, slice));
      }
    }
  }

  private static boolean changesAnything(Operation operation) {
    return switch (operation) {
      case Operation.Scale s -> s.factor() != 1;
      case Operation.Interpolate i -> i.weight() != 0;
      default -> true;
    };
  }

  private static CellEdit cells(
      ResolvedEdit edit, Slice slice, Buffer buffer, int offset, int rowStride, int headStride) {
    HostTensor shape = slice.tensor();
    int[] rows = slice.rows();
    int[] visible = new int[rows.length];
    for (int r = 0; r < rows.length; r++) {
      visible[r] = shape.visible(rows[r]);
    }
    EditValues values = EditValues.of(edit, slice);
    float[] data =
        edit.operation() instanceof Operation.ProjectOut p ? p.vector().data() : values.data();
    return new CellEdit(
        kind(edit.operation()),
        number(edit.operation(), scores(edit)),
        data.length == 0 ? null : data,
        values.placeStride(),
        values.headStride(),
        scores(edit),
        new FiniteRule(edit).isOn(),
        buffer,
        offset,
        rowStride,
        headStride,
        shape.inner(),
        rows,
        slice.places(),
        visible,
        slice.heads(),
        slice.keys());
  }

  private static boolean scores(ResolvedEdit edit) {
    return edit.point().site() == Site.ATTN_SCORES;
  }

  private static CellEdit.Kind kind(Operation operation) {
    return switch (operation) {
      case Operation.Replace _, Operation.Mean _ -> CellEdit.Kind.SET;
      case Operation.Add _ -> CellEdit.Kind.ADD;
      case Operation.Scale _ -> CellEdit.Kind.SCALE;
      case Operation.Zero _, Operation.Knockout _ -> CellEdit.Kind.FILL;
      case Operation.Interpolate _ -> CellEdit.Kind.INTERPOLATE;
      case Operation.ProjectOut _ -> CellEdit.Kind.PROJECT_OUT;
      case Operation.Noise _, Operation.Function _ ->
          throw new AssertionError(operation.name() + " needs the host");
    };
  }

  private static float number(Operation operation, boolean scores) {
    return switch (operation) {
      case Operation.Scale s -> s.factor();
      case Operation.Interpolate i -> i.weight();
      case Operation.Knockout _ -> scores ? Float.NEGATIVE_INFINITY : 0;
      default -> 0;
    };
  }

  /** Throws where an edit broke its rule. */
  void check() {
    Tape.Violation found = tape == null ? null : tape.violation();
    if (found != null) {
      Made broken = made.get(found.edit());
      Slice slice = broken.slice;
      int position = slice.tensor().positions()[slice.rows()[found.row()]];
      throw new FiniteRule(broken.edit)
          .broken(position, slice.heads()[found.head()], found.was(), found.wrote());
    }
  }
}
