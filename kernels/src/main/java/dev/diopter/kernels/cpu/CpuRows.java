package dev.diopter.kernels.cpu;

import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.IndexBuffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.NormKind;
import dev.diopter.kernels.host.HostBuffer;
import dev.diopter.kernels.host.HostIndices;
import dev.diopter.kernels.host.Shapes;
import org.jspecify.annotations.Nullable;

/**
 * Operations on each row by itself. Shapes are checked; threads take rows where there is enough to
 * do.
 */
final class CpuRows {
  /** Elements per nanosecond, roughly: copies and sums, divisions, exponentials. */
  private static final int FAST = 4;

  private static final int MEDIUM = 2;
  private static final int SLOW = 1;

  private final Kernels kernels;
  private final WorkerPool pool;

  CpuRows(Kernels kernels, WorkerPool pool) {
    this.kernels = kernels;
    this.pool = pool;
  }

  void embed(CpuMatrix table, IndexBuffer ids, Matrix out) {
    int[] columns = HostIndices.of(ids);
    for (int id : columns) {
      Shapes.index("id", id, table.out());
    }
    float[] to = HostBuffer.of(out);
    pool.run(
        out.rows(),
        out.columns() * 4L, // a cache miss for most elements
        (from, end, _) -> {
          for (int r = from; r < end; r++) {
            table.column(columns[r], to, at(out, r));
          }
        });
  }

  void normScale(NormKind kind, Matrix x, float eps, Matrix out) {
    float[] from = HostBuffer.of(x);
    float[] to = HostBuffer.of(out);
    pool.run(
        x.rows(),
        x.columns() / FAST,
        (first, end, scratch) -> {
          for (int r = first; r < end; r++) {
            float mean = mean(kind, from, at(x, r), x.columns(), scratch);
            to[at(out, r)] = scale(from, at(x, r), x.columns(), mean, eps, scratch);
          }
        });
  }

  void normalize(NormKind kind, Matrix x, Matrix scale, Matrix out) {
    float[] from = HostBuffer.of(x);
    float[] scales = HostBuffer.of(scale);
    float[] to = HostBuffer.of(out);
    int n = x.columns();
    pool.run(
        x.rows(),
        n / MEDIUM,
        (first, end, scratch) -> {
          for (int r = first; r < end; r++) {
            float mean = mean(kind, from, at(x, r), n, scratch);
            float divisor = scales[at(scale, r)];
            kernels.normalize(from, at(x, r), n, mean, divisor, to, at(out, r));
          }
        });
  }

  void affine(Matrix x, Buffer gain, @Nullable Buffer bias, Matrix out) {
    float[] from = HostBuffer.of(x);
    float[] gains = HostBuffer.of(gain);
    float[] biases = bias == null ? null : HostBuffer.of(bias);
    float[] to = HostBuffer.of(out);
    pool.run(
        x.rows(),
        x.columns() / FAST,
        (first, end, _) -> {
          for (int r = first; r < end; r++) {
            affine(from, at(x, r), x.columns(), gains, biases, to, at(out, r));
          }
        });
  }

  void norm(NormKind kind, Matrix x, float eps, Buffer gain, @Nullable Buffer bias, Matrix out) {
    float[] from = HostBuffer.of(x);
    float[] gains = HostBuffer.of(gain);
    float[] biases = bias == null ? null : HostBuffer.of(bias);
    float[] to = HostBuffer.of(out);
    int n = x.columns();
    pool.run(
        x.rows(),
        n / MEDIUM,
        (first, end, scratch) -> {
          for (int r = first; r < end; r++) {
            int at = at(out, r);
            float mean = mean(kind, from, at(x, r), n, scratch);
            float divisor = scale(from, at(x, r), n, mean, eps, scratch);
            kernels.normalize(from, at(x, r), n, mean, divisor, to, at);
            affine(to, at, n, gains, biases, to, at);
          }
        });
  }

  void sumHeads(Matrix x, int heads, @Nullable Buffer bias, Matrix out) {
    float[] from = HostBuffer.of(x);
    float[] biases = bias == null ? null : HostBuffer.of(bias);
    float[] to = HostBuffer.of(out);
    int n = out.columns();
    pool.run(
        x.rows(),
        x.columns() / FAST,
        (first, end, _) -> {
          for (int r = first; r < end; r++) {
            int at = at(out, r);
            System.arraycopy(from, at(x, r), to, at, n);
            for (int h = 1; h < heads; h++) {
              kernels.add(to, at, from, at(x, r) + h * n, n, to, at);
            }
            if (biases != null) {
              kernels.add(to, at, biases, 0, n, to, at);
            }
          }
        });
  }

  void rotate(Matrix x, int heads, CpuRotary table, IndexBuffer positions, Matrix out) {
    int[] position = HostIndices.of(positions);
    for (int p : position) {
      Shapes.index("position", p, Integer.MAX_VALUE);
    }
    float[] from = HostBuffer.of(x);
    float[] to = HostBuffer.of(out);
    int headDim = x.columns() / heads;
    int turned = 2 * table.pairs();
    pool.run(
        x.rows(),
        x.columns() / MEDIUM,
        (first, end, _) -> {
          for (int r = first; r < end; r++) {
            float[] page = table.page(position[r]);
            int angles = table.at(position[r]);
            for (int h = 0; h < heads; h++) {
              int source = at(x, r) + h * headDim;
              int target = at(out, r) + h * headDim;
              kernels.rotate(from, source, table.pairs(), page, angles, to, target);
              System.arraycopy(from, source + turned, to, target + turned, headDim - turned);
            }
          }
        });
  }

  void gelu(Matrix x, Matrix out) {
    float[] from = HostBuffer.of(x);
    float[] to = HostBuffer.of(out);
    pool.run(
        x.rows(),
        x.columns() / SLOW,
        (first, end, _) -> {
          for (int r = first; r < end; r++) {
            kernels.gelu(from, at(x, r), x.columns(), to, at(out, r));
          }
        });
  }

  void siluTimes(Matrix gate, Matrix up, Matrix out) {
    float[] gates = HostBuffer.of(gate);
    float[] ups = HostBuffer.of(up);
    float[] to = HostBuffer.of(out);
    pool.run(
        gate.rows(),
        gate.columns() / SLOW,
        (first, end, _) -> {
          for (int r = first; r < end; r++) {
            kernels.siluTimes(gates, at(gate, r), ups, at(up, r), gate.columns(), to, at(out, r));
          }
        });
  }

  void add(Matrix a, Matrix b, Matrix out) {
    float[] left = HostBuffer.of(a);
    float[] right = HostBuffer.of(b);
    float[] to = HostBuffer.of(out);
    pool.run(
        a.rows(),
        a.columns() / FAST,
        (first, end, _) -> {
          for (int r = first; r < end; r++) {
            kernels.add(left, at(a, r), right, at(b, r), a.columns(), to, at(out, r));
          }
        });
  }

  /** {@code times} copies of each row side by side. */
  void repeat(Matrix x, int times, Matrix out) {
    float[] from = HostBuffer.of(x);
    float[] to = HostBuffer.of(out);
    for (int r = 0; r < x.rows(); r++) {
      for (int t = 0; t < times; t++) {
        System.arraycopy(from, at(x, r), to, at(out, r) + t * x.columns(), x.columns());
      }
    }
  }

  void gather(Matrix x, IndexBuffer rows, Matrix out) {
    int[] row = HostIndices.of(rows);
    for (int r = 0; r < row.length; r++) {
      Shapes.index("row", row[r], x.rows());
      System.arraycopy(
          HostBuffer.of(x), at(x, row[r]), HostBuffer.of(out), at(out, r), x.columns());
    }
  }

  void store(Matrix keys, Matrix values, CpuKeyValues block, int at) {
    pool.run(
        block.heads(),
        2L * keys.rows() * block.headDim(),
        (from, to, _) -> {
          block.storeKeys(keys, at, from, to);
          block.storeValues(values, at, from, to);
        });
  }

  private float mean(NormKind kind, float[] x, int o, int n, Scratch scratch) {
    return kind == NormKind.RMS ? 0f : kernels.sum(x, o, n, scratch.partials) / n;
  }

  private float scale(float[] x, int o, int n, float mean, float eps, Scratch scratch) {
    float squares = kernels.squares(x, o, n, mean, scratch.partials);
    return (float) Math.sqrt(squares / n + eps);
  }

  private void affine(
      float[] x, int o, int n, float[] gain, float @Nullable [] bias, float[] out, int to) {
    if (bias == null) {
      kernels.gain(x, o, n, gain, out, to);
    } else {
      kernels.affine(x, o, n, gain, bias, out, to);
    }
  }

  /** Where row r of a view begins. */
  private static int at(Matrix view, int r) {
    return view.offset() + r * view.stride();
  }
}
