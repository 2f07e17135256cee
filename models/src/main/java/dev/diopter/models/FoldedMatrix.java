package dev.diopter.models;

import dev.diopter.formats.TensorType;
import dev.diopter.models.DecoderWeights.Projection;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A matrix W [in, out] on its way through gains and centrings. An element is {@code gain[i] W[i, o]
 * - byOut[o] - byIn[i]}, in double and rounded to float32 once, at the end; so no matrix of doubles
 * is ever held.
 */
final class FoldedMatrix {
  private final String name;
  private final float[] stored;
  private final int in;
  private final int out;
  private final int inStride;
  private final int outStride;
  private double @Nullable [] gain;
  private double @Nullable [] byOut;
  private double @Nullable [] byIn;

  private FoldedMatrix(String name, float[] stored, int in, int out, int inStride, int outStride) {
    this.name = name;
    this.stored = stored;
    this.in = in;
    this.out = out;
    this.inStride = inStride;
    this.outStride = outStride;
  }

  static FoldedMatrix of(Projection projection) {
    return new FoldedMatrix(
        projection.weight().name(),
        projection.matrix(),
        projection.in(),
        projection.out(),
        projection.out(),
        1);
  }

  /** A table [rows, width] that is looked up: its rows are inputs. */
  static FoldedMatrix ofRows(StoredTensor table) {
    int rows = table.shape().get(0);
    int width = table.shape().get(1);
    return new FoldedMatrix(table.name(), all(table), rows, width, width, 1);
  }

  /** An unembedding, stored as [vocabulary, width]: its rows are outputs. */
  static FoldedMatrix ofHead(StoredTensor head) {
    int rows = head.shape().get(0);
    int width = head.shape().get(1);
    return new FoldedMatrix(head.name(), all(head), width, rows, 1, width);
  }

  private static float[] all(StoredTensor table) {
    return table.floats(0, Math.multiplyExact(table.shape().get(0), table.shape().get(1)));
  }

  private double at(int i, int o) {
    double value = stored[i * inStride + o * outStride];
    if (gain != null) {
      value *= gain[i];
    }
    if (byOut != null) {
      value -= byOut[o];
    }
    if (byIn != null) {
      value -= byIn[i];
    }
    return value;
  }

  private interface Cell {
    void visit(int i, int o);
  }

  /** In the order in which elements lie. */
  private void each(Cell cell) {
    boolean byRows = outStride == 1;
    int outer = byRows ? in : out;
    int inner = byRows ? out : in;
    for (int a = 0; a < outer; a++) {
      for (int b = 0; b < inner; b++) {
        cell.visit(byRows ? a : b, byRows ? b : a);
      }
    }
  }

  /** The row {@code x W}. */
  double[] times(double[] x) {
    double[] sums = new double[out];
    each((i, o) -> sums[o] += x[i] * at(i, o));
    return sums;
  }

  /** Multiplies row i by a gain; before any centring. */
  void multiply(double[] gains) {
    gain = gains;
  }

  /** Takes the mean over the inputs out of each column: what reads behind a LayerNorm. */
  void centreInputs() {
    double[] sums = new double[out];
    each((i, o) -> sums[o] += at(i, o));
    byOut = divided(sums, in);
  }

  /** Takes the mean over the outputs out of each row: what writes to the residual stream. */
  void centreOutputs() {
    double[] sums = new double[in];
    each((i, o) -> sums[i] += at(i, o));
    byIn = divided(sums, out);
  }

  private static double[] divided(double[] sums, int by) {
    for (int k = 0; k < sums.length; k++) {
      sums[k] /= by;
    }
    return sums;
  }

  /** The result as a tensor of the shape that was read; the matrix is of no use afterwards. */
  StoredTensor rounded() {
    each((i, o) -> stored[i * inStride + o * outStride] = (float) at(i, o));
    List<Integer> shape = outStride == 1 ? List.of(in, out) : List.of(out, in);
    return tensor(name, shape, stored);
  }

  /** The result as a map, with a bias. */
  Projection rounded(double @Nullable [] bias) {
    return new Projection(
        rounded(), 0, in, out, out, 1, bias == null ? null : vector(name + ".bias", bias), 0);
  }

  /** A vector, rounded. */
  static StoredTensor vector(String name, double[] values) {
    float[] rounded = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      rounded[i] = (float) values[i];
    }
    return tensor(name, List.of(values.length), rounded);
  }

  private static StoredTensor tensor(String name, List<Integer> shape, float[] values) {
    return new StoredTensor(name, TensorType.F32, shape, MemorySegment.ofArray(values));
  }
}
