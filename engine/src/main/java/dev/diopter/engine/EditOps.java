package dev.diopter.engine;

import dev.diopter.models.ModelException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Makes edits. Formulas, in float32 unless said otherwise:
 *
 * <ul>
 *   <li>add: {@code x + v}; where v is zero, x keeps its bits
 *   <li>scale: {@code x * f}; a factor of 1 changes no bit, and a score of minus infinity stays
 *   <li>interpolate: {@code (1 - t) * x + t * v}, four roundings; where v equals x, or t is 0, x
 *       keeps its bits; t = 1 gives v
 *   <li>project_out: {@code x - (x . u) u} in double with u normalised in double, rounded once; a
 *       dot product of zero changes no bit
 *   <li>noise: {@code x + s * n} in double, rounded once; s = 0 changes no bit
 * </ul>
 *
 * Cells whose key lies behind their query are never touched.
 */
final class EditOps {
  private EditOps() {}

  /**
   * Makes an edit on the rows that the tensor has; does nothing where it has none of the selected.
   *
   * @throws ModelException if the edit writes NaN or infinity and may not, or a function writes to
   *     masked cells
   */
  static void apply(ResolvedEdit edit, HostTensor tensor) {
    Slice slice = Slice.of(edit.where(), tensor);
    if (slice == null) {
      return;
    }
    if (edit.operation() instanceof Operation.Function f) {
      FunctionEdit.apply(edit, f.function(), slice);
      return;
    }
    RowFormula formula = formula(edit.operation(), tensor);
    if (formula == null) {
      return;
    }
    Rows rows = new Rows(edit, slice, formula);
    for (int r = 0; r < slice.rows().length; r++) {
      for (int h = 0; h < slice.heads().length; h++) {
        if (slice.keys() == null) {
          rows.whole(r, h);
        } else {
          rows.chosen(r, h, slice.keys());
        }
      }
    }
  }

  /** One operation on one row of one head. */
  private interface RowFormula {
    /**
     * Writes {@code n} results.
     *
     * @param x the values, from {@code at}
     * @param v the edit's array, from {@code from}; empty where the operation has none
     * @param number absolute index of each element on the last axis; null where it is 0, 1, 2...
     */
    void run(
        float[] x,
        int at,
        float[] v,
        int from,
        int n,
        int position,
        int head,
        int @Nullable [] number,
        float[] out);
  }

  /** The operation as a formula; null where it changes nothing. */
  private static @Nullable RowFormula formula(Operation operation, HostTensor tensor) {
    boolean scores = tensor.point().site() == Site.ATTN_SCORES;
    return switch (operation) {
      case Operation.Replace _, Operation.Mean _ ->
          (x, at, v, from, n, p, h, number, out) -> System.arraycopy(v, from, out, 0, n);
      case Operation.Zero _ -> (x, at, v, from, n, p, h, number, out) -> Arrays.fill(out, 0, n, 0);
      case Operation.Knockout _ ->
          (x, at, v, from, n, p, h, number, out) ->
              Arrays.fill(out, 0, n, scores ? Float.NEGATIVE_INFINITY : 0);
      case Operation.Add _ -> (x, at, v, from, n, p, h, number, out) -> add(x, at, v, from, n, out);
      case Operation.Scale s ->
          s.factor() == 1
              ? null
              : (x, at, v, from, n, p, h, number, out) -> scale(x, at, s.factor(), scores, n, out);
      case Operation.Interpolate i ->
          i.weight() == 0
              ? null
              : (x, at, v, from, n, p, h, number, out) ->
                  interpolate(x, at, v, from, i.weight(), n, out);
      case Operation.ProjectOut p -> {
        double[] u = unit(p.vector().data());
        yield (x, at, v, from, n, position, h, number, out) -> projectOut(x, at, u, n, out);
      }
      case Operation.Noise noise ->
          noise.standardDeviation() == 0
              ? null
              : (x, at, v, from, n, p, h, number, out) ->
                  noise(
                      x,
                      at,
                      noise,
                      Noise.key(noise.seed(), tensor.sequenceKey(), tensor.point(), p, h),
                      number,
                      n,
                      out);
      case Operation.Function _ -> throw new AssertionError("functions see whole selections");
    };
  }

  private static void add(float[] x, int at, float[] v, int from, int n, float[] out) {
    for (int i = 0; i < n; i++) {
      float value = v[from + i];
      out[i] = value == 0 ? x[at + i] : x[at + i] + value;
    }
  }

  private static void scale(float[] x, int at, float factor, boolean scores, int n, float[] out) {
    for (int i = 0; i < n; i++) {
      float old = x[at + i];
      out[i] = scores && old == Float.NEGATIVE_INFINITY ? old : old * factor;
    }
  }

  private static void interpolate(
      float[] x, int at, float[] v, int from, float t, int n, float[] out) {
    float rest = 1 - t;
    for (int i = 0; i < n; i++) {
      float old = x[at + i];
      float value = v[from + i];
      out[i] = old == value ? old : t == 1 ? value : rest * old + t * value;
    }
  }

  private static double[] unit(float[] vector) {
    double squares = 0;
    for (float v : vector) {
      squares += (double) v * v;
    }
    double norm = Math.sqrt(squares);
    double[] u = new double[vector.length];
    for (int i = 0; i < u.length; i++) {
      u[i] = vector[i] / norm;
    }
    return u;
  }

  private static void projectOut(float[] x, int at, double[] u, int n, float[] out) {
    double dot = 0;
    for (int i = 0; i < n; i++) {
      dot += x[at + i] * u[i];
    }
    for (int i = 0; i < n; i++) {
      out[i] = dot == 0 ? x[at + i] : (float) (x[at + i] - dot * u[i]);
    }
  }

  private static void noise(
      float[] x,
      int at,
      Operation.Noise noise,
      long key,
      int @Nullable [] number,
      int n,
      float[] out) {
    double deviation = noise.standardDeviation();
    for (int i = 0; i < n; i++) {
      out[i] = (float) (x[at + i] + deviation * Noise.normal(key, number == null ? i : number[i]));
    }
  }

  /** Runs a formula row by row. One for each edit of a tensor. */
  private static final class Rows {
    private static final float[] NONE = {};

    private final Slice slice;
    private final HostTensor tensor;
    private final RowFormula formula;
    private final FiniteRule rule;
    private final EditValues values;
    private final float[] value;
    private final float[] out;
    private final float[] cells;
    private final float[] cellValues;

    Rows(ResolvedEdit edit, Slice slice, RowFormula formula) {
      this.slice = slice;
      this.tensor = slice.tensor();
      this.formula = formula;
      this.rule = new FiniteRule(edit);
      this.values = EditValues.of(edit, slice);
      this.value = values.data();
      this.out = new float[tensor.inner()];
      boolean chosen = slice.keys() != null;
      this.cells = chosen ? new float[slice.width()] : NONE;
      this.cellValues = chosen && value.length > 0 ? new float[slice.width()] : NONE;
    }

    /** All cells of a row that exist. */
    void whole(int r, int h) {
      int row = slice.rows()[r];
      int head = slice.heads()[h];
      int at = tensor.at(row, head);
      int n = tensor.visible(row);
      int position = tensor.positions()[row];
      formula.run(tensor.values(), at, value, values.at(slice, r, h), n, position, head, null, out);
      rule.check(tensor.values(), at, out, n, position, head);
      System.arraycopy(out, 0, tensor.values(), at, n);
    }

    /** The chosen keys of a row, of those that exist. */
    void chosen(int r, int h, int[] keys) {
      int row = slice.rows()[r];
      int head = slice.heads()[h];
      int at = tensor.at(row, head);
      int visible = tensor.visible(row);
      int from = values.at(slice, r, h);
      int[] number = new int[keys.length];
      int n = 0;
      for (int k = 0; k < keys.length; k++) {
        if (keys[k] < visible) {
          cells[n] = tensor.values()[at + keys[k]];
          if (value.length > 0) {
            cellValues[n] = value[from + k];
          }
          number[n++] = keys[k];
        }
      }
      int position = tensor.positions()[row];
      formula.run(cells, 0, cellValues, 0, n, position, head, number, out);
      rule.check(cells, 0, out, n, position, head);
      for (int i = 0; i < n; i++) {
        tensor.values()[at + number[i]] = out[i];
      }
    }
  }
}
