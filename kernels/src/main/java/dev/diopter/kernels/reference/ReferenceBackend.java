package dev.diopter.kernels.reference;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.IndexBuffer;
import dev.diopter.kernels.KeyValueBlock;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.NormKind;
import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.RotaryTable;
import dev.diopter.kernels.StoredMatrix;
import dev.diopter.kernels.WeightSlice;
import dev.diopter.kernels.host.HostBuffer;
import dev.diopter.kernels.host.HostIndices;
import dev.diopter.kernels.host.Shapes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Plain scalar Java: one obvious loop nest for each operation, sums in {@code double}, results
 * rounded to float32. The oracle of the numbers and the documentation of the operations.
 * Deterministic, single-threaded, safe to share.
 */
public final class ReferenceBackend implements Backend {
  private static final float[] NONE = {};

  private volatile boolean closed;

  @Override
  public String name() {
    return "reference";
  }

  @Override
  public String describe() {
    return "reference: plain scalar Java, one thread, sums in double";
  }

  // ---- memory

  @Override
  public Buffer allocate(int floats) {
    open();
    return HostBuffer.allocate(floats);
  }

  @Override
  public void release(Buffer buffer) {
    // The heap is the garbage collector's.
  }

  @Override
  public void release(IndexBuffer buffer) {
    // The heap is the garbage collector's.
  }

  @Override
  public void release(PackedMatrix matrix) {
    // The heap is the garbage collector's.
  }

  @Override
  public void release(KeyValueBlock block) {
    // The heap is the garbage collector's.
  }

  @Override
  public void upload(float[] source, int from, Buffer target, int at, int count) {
    open();
    Shapes.range("source", from, count, source.length);
    Shapes.range("target", at, count, target.size());
    System.arraycopy(source, from, HostBuffer.of(target), at, count);
  }

  @Override
  public void download(Buffer source, int from, float[] target, int at, int count) {
    open();
    Shapes.range("source", from, count, source.size());
    Shapes.range("target", at, count, target.length);
    System.arraycopy(HostBuffer.of(source), from, target, at, count);
  }

  @Override
  public IndexBuffer indices(int[] values) {
    open();
    return new HostIndices(values);
  }

  @Override
  public PackedMatrix pack(List<StoredMatrix> parts) {
    open();
    return ReferenceMatrix.pack(parts);
  }

  @Override
  public KeyValueBlock allocateKeyValues(int heads, int headDim, int capacity) {
    open();
    Shapes.positive("heads", heads);
    Shapes.positive("head width", headDim);
    Shapes.positive("capacity", capacity);
    return ReferenceKeyValues.of(heads, headDim, capacity);
  }

  @Override
  public RotaryTable rotary(double[] inverseFrequencies) {
    open();
    return new ReferenceRotary(inverseFrequencies);
  }

  // ---- operations

  @Override
  public void embed(PackedMatrix table, IndexBuffer ids, Matrix out) {
    open();
    Shapes.matrix("out", out, ids.size(), table.in());
    float[][] values = ReferenceMatrix.of(table);
    int[] columns = HostIndices.of(ids);
    float[] to = HostBuffer.of(out);
    for (int r = 0; r < out.rows(); r++) {
      Shapes.index("id", columns[r], table.out());
      for (int i = 0; i < out.columns(); i++) {
        to[at(out, r) + i] = values[i][columns[r]];
      }
    }
  }

  @Override
  public void normScale(NormKind kind, Matrix x, float eps, Matrix out) {
    open();
    Shapes.matrix("out", out, x.rows(), 1);
    float[] from = HostBuffer.of(x);
    float[] to = HostBuffer.of(out);
    for (int r = 0; r < x.rows(); r++) {
      to[at(out, r)] = ReferenceRows.scale(kind, from, at(x, r), x.columns(), eps);
    }
  }

  @Override
  public void normalize(NormKind kind, Matrix x, Matrix scale, Matrix out) {
    open();
    Shapes.matrix("scale", scale, x.rows(), 1);
    Shapes.same("out", out, x);
    float[] from = HostBuffer.of(x);
    float[] scales = HostBuffer.of(scale);
    float[] to = HostBuffer.of(out);
    for (int r = 0; r < x.rows(); r++) {
      float divisor = scales[at(scale, r)];
      ReferenceRows.normalize(kind, from, at(x, r), x.columns(), divisor, to, at(out, r));
    }
  }

  @Override
  public void affine(Matrix x, Buffer gain, @Nullable Buffer bias, Matrix out) {
    open();
    Shapes.atLeast("gain", gain, x.columns());
    Shapes.optional("bias", bias, x.columns());
    Shapes.same("out", out, x);
    float[] from = HostBuffer.of(x);
    float[] gains = HostBuffer.of(gain);
    float[] biases = bias == null ? NONE : HostBuffer.of(bias);
    float[] to = HostBuffer.of(out);
    for (int r = 0; r < x.rows(); r++) {
      ReferenceRows.affine(from, at(x, r), x.columns(), gains, biases, to, at(out, r));
    }
  }

  @Override
  public void norm(
      NormKind kind, Matrix x, float eps, Buffer gain, @Nullable Buffer bias, Matrix out) {
    Matrix scale = Matrix.of(allocate(x.rows()), x.rows(), 1);
    normScale(kind, x, eps, scale);
    normalize(kind, x, scale, out);
    affine(out, gain, bias, out);
  }

  @Override
  public void multiply(Matrix x, WeightSlice w, @Nullable Buffer bias, Matrix out) {
    open();
    Shapes.matrix("x", x, x.rows(), w.in());
    Shapes.matrix("out", out, x.rows(), w.out());
    Shapes.optional("bias", bias, w.outTo());
    float[][] weights = ReferenceMatrix.of(w.matrix());
    float[] from = HostBuffer.of(x);
    float[] biases = bias == null ? NONE : HostBuffer.of(bias);
    float[] to = HostBuffer.of(out);
    for (int r = 0; r < x.rows(); r++) {
      for (int o = 0; o < w.out(); o++) {
        double sum = 0;
        for (int i = 0; i < w.in(); i++) {
          sum += (double) from[at(x, r) + i] * weights[w.inFrom() + i][w.outFrom() + o];
        }
        to[at(out, r) + o] = (float) (biases.length == 0 ? sum : sum + biases[w.outFrom() + o]);
      }
    }
  }

  @Override
  public void multiplyByHead(
      Matrix x, PackedMatrix w, int heads, @Nullable Buffer bias, Matrix out) {
    open();
    Shapes.divides("inputs", w.in(), heads);
    Shapes.matrix("x", x, x.rows(), w.in());
    Shapes.matrix("out", out, x.rows(), w.out());
    Shapes.optional("bias", bias, w.out());
    // The heads' results are rounded to float32, as they are where somebody reads them.
    Matrix results = Matrix.of(allocate(x.rows() * heads * w.out()), x.rows(), heads * w.out());
    int width = w.in() / heads;
    for (int h = 0; h < heads; h++) {
      WeightSlice slice = w.all().inputs(h * width, (h + 1) * width);
      Matrix result = results.columns(h * w.out(), (h + 1) * w.out());
      multiply(x.columns(h * width, (h + 1) * width), slice, null, result);
    }
    sumHeads(results, heads, bias, out);
  }

  @Override
  public void sumHeads(Matrix x, int heads, @Nullable Buffer bias, Matrix out) {
    open();
    Shapes.divides("columns", x.columns(), heads);
    Shapes.matrix("out", out, x.rows(), x.columns() / heads);
    Shapes.optional("bias", bias, out.columns());
    float[] from = HostBuffer.of(x);
    float[] biases = bias == null ? NONE : HostBuffer.of(bias);
    float[] to = HostBuffer.of(out);
    int width = out.columns();
    for (int r = 0; r < x.rows(); r++) {
      for (int o = 0; o < width; o++) {
        double sum = 0;
        for (int h = 0; h < heads; h++) {
          sum += from[at(x, r) + h * width + o];
        }
        to[at(out, r) + o] = (float) (biases.length == 0 ? sum : sum + biases[o]);
      }
    }
  }

  @Override
  public void rotate(Matrix x, int heads, RotaryTable table, IndexBuffer positions, Matrix out) {
    open();
    Shapes.divides("columns", x.columns(), heads);
    Shapes.same("out", out, x);
    Shapes.indices("positions", positions, x.rows());
    int headDim = x.columns() / heads;
    int pairs = table.pairs();
    Shapes.index("rotated width", 2 * pairs, headDim + 1);
    ReferenceRotary angles = ReferenceRotary.of(table);
    int[] position = HostIndices.of(positions);
    float[] from = HostBuffer.of(x);
    float[] to = HostBuffer.of(out);
    for (int r = 0; r < x.rows(); r++) {
      Shapes.index("position", position[r], Integer.MAX_VALUE);
      for (int h = 0; h < heads; h++) {
        int o = at(x, r) + h * headDim;
        int p = at(out, r) + h * headDim;
        for (int i = 0; i < pairs; i++) {
          double cosine = angles.cosine(position[r], i);
          double sine = angles.sine(position[r], i);
          float a = from[o + i];
          float b = from[o + pairs + i];
          to[p + i] = (float) (a * cosine - b * sine);
          to[p + pairs + i] = (float) (b * cosine + a * sine);
        }
        for (int i = 2 * pairs; i < headDim; i++) {
          to[p + i] = from[o + i];
        }
      }
    }
  }

  @Override
  public void store(Matrix keys, Matrix values, KeyValueBlock block, int at) {
    open();
    Shapes.store(keys, values, block, at);
    ReferenceKeyValues target = ReferenceKeyValues.of(block);
    for (int r = 0; r < keys.rows(); r++) {
      int width = keys.columns();
      System.arraycopy(HostBuffer.of(keys), at(keys, r), target.keys()[at + r], 0, width);
      System.arraycopy(HostBuffer.of(values), at(values, r), target.values()[at + r], 0, width);
    }
  }

  @Override
  public void attention(Matrix q, List<AttentionSpan> spans, int heads, float scale, Matrix z) {
    for (AttentionSpan span : spans) {
      Buffer cells = allocate(heads * span.rows() * span.keyCount());
      scores(q, span, heads, scale, cells);
      softmax(cells, span, heads, cells);
      mix(cells, span, heads, z);
    }
  }

  @Override
  public void scores(Matrix q, AttentionSpan span, int heads, float scale, Buffer out) {
    open();
    Shapes.cells("scores", out, span, heads);
    Shapes.span("q", q, span, heads);
    ReferenceAttention.scores(q, span, heads, scale, HostBuffer.of(out));
  }

  @Override
  public void softmax(Buffer scores, AttentionSpan span, int heads, Buffer pattern) {
    open();
    Shapes.cells("scores", scores, span, heads);
    Shapes.cells("pattern", pattern, span, heads);
    ReferenceAttention.softmax(HostBuffer.of(scores), span, heads, HostBuffer.of(pattern));
  }

  @Override
  public void mix(Buffer pattern, AttentionSpan span, int heads, Matrix z) {
    open();
    Shapes.cells("pattern", pattern, span, heads);
    Shapes.span("z", z, span, heads);
    ReferenceAttention.mix(HostBuffer.of(pattern), span, heads, z);
  }

  @Override
  public void gelu(Matrix x, Matrix out) {
    open();
    Shapes.same("out", out, x);
    float[] from = HostBuffer.of(x);
    float[] to = HostBuffer.of(out);
    for (int r = 0; r < x.rows(); r++) {
      for (int i = 0; i < x.columns(); i++) {
        to[at(out, r) + i] = ReferenceRows.gelu(from[at(x, r) + i]);
      }
    }
  }

  @Override
  public void siluTimes(Matrix gate, Matrix up, Matrix out) {
    open();
    Shapes.same("up", up, gate);
    Shapes.same("out", out, gate);
    float[] gates = HostBuffer.of(gate);
    float[] ups = HostBuffer.of(up);
    float[] to = HostBuffer.of(out);
    for (int r = 0; r < gate.rows(); r++) {
      for (int i = 0; i < gate.columns(); i++) {
        double silu = ReferenceRows.silu(gates[at(gate, r) + i]);
        to[at(out, r) + i] = (float) (silu * ups[at(up, r) + i]);
      }
    }
  }

  @Override
  public void add(Matrix a, Matrix b, Matrix out) {
    open();
    Shapes.same("b", b, a);
    Shapes.same("out", out, a);
    float[] as = HostBuffer.of(a);
    float[] bs = HostBuffer.of(b);
    float[] to = HostBuffer.of(out);
    for (int r = 0; r < a.rows(); r++) {
      for (int i = 0; i < a.columns(); i++) {
        to[at(out, r) + i] = as[at(a, r) + i] + bs[at(b, r) + i];
      }
    }
  }

  @Override
  public void copy(Matrix x, Matrix out) {
    repeat(x, 1, out);
  }

  @Override
  public void gather(Matrix x, IndexBuffer rows, Matrix out) {
    open();
    Shapes.matrix("out", out, rows.size(), x.columns());
    int[] row = HostIndices.of(rows);
    for (int r = 0; r < row.length; r++) {
      Shapes.index("row", row[r], x.rows());
      System.arraycopy(
          HostBuffer.of(x), at(x, row[r]), HostBuffer.of(out), at(out, r), x.columns());
    }
  }

  @Override
  public void repeat(Matrix x, int times, Matrix out) {
    open();
    Shapes.positive("times", times);
    Shapes.matrix("out", out, x.rows(), times * x.columns());
    for (int r = 0; r < x.rows(); r++) {
      for (int t = 0; t < times; t++) {
        int to = at(out, r) + t * x.columns();
        System.arraycopy(HostBuffer.of(x), at(x, r), HostBuffer.of(out), to, x.columns());
      }
    }
  }

  @Override
  public void close() {
    closed = true;
  }

  private void open() {
    if (closed) {
      throw new IllegalStateException("the reference backend is closed");
    }
  }

  /** Where row r of a view begins. */
  private static int at(Matrix view, int r) {
    return view.offset() + r * view.stride();
  }
}
