package dev.diopter.kernels.cuda;

import static dev.diopter.kernels.cuda.CudaHandles.address;

import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.IndexBuffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.NormKind;
import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.RotaryTable;
import dev.diopter.kernels.host.Shapes;
import org.jspecify.annotations.Nullable;

/** Operations on rows and elements: their checks on the caller's thread, their launches. */
final class CudaRows {
  private static final int ELEMENT_BLOCK = 256;
  private static final int MOST_ROW_THREADS = 256;
  private static final int WARP = 32;

  private final CudaThread thread;

  CudaRows(CudaThread thread) {
    this.thread = thread;
  }

  void embed(PackedMatrix table, IndexBuffer ids, Matrix out) {
    thread.open();
    CudaHandles.Weights weights = CudaHandles.Weights.of(table);
    CudaHandles.Indices chosen = CudaHandles.Indices.of(ids);
    Shapes.matrix("out", out, ids.size(), table.in());
    for (int id : chosen.host()) {
      Shapes.index("id", id, table.out());
    }
    byRow(
        Kernel.EMBED,
        out,
        0,
        l ->
            l.address(weights.block().address())
                .integer(weights.half() ? 1 : 0)
                .wide(weights.transposed() ? 1 : weights.out())
                .wide(weights.transposed() ? weights.in() : 1)
                .address(chosen.block().address())
                .address(address(out))
                .integer(out.stride())
                .integer(out.columns()));
  }

  void normScale(NormKind kind, Matrix x, float eps, Matrix out) {
    thread.open();
    Shapes.matrix("out", out, x.rows(), 1);
    byRow(
        Kernel.NORM_SCALE,
        x,
        0,
        l ->
            view(l.integer(layer(kind)), x)
                .integer(x.columns())
                .number(eps)
                .address(address(out))
                .integer(out.stride()));
  }

  void normalize(NormKind kind, Matrix x, Matrix scale, Matrix out) {
    thread.open();
    Shapes.matrix("scale", scale, x.rows(), 1);
    Shapes.same("out", out, x);
    byRow(
        Kernel.NORMALIZE,
        x,
        0,
        l -> view(view(view(l.integer(layer(kind)), x).integer(x.columns()), scale), out));
  }

  void norm(NormKind kind, Matrix x, float eps, Buffer gain, @Nullable Buffer bias, Matrix out) {
    thread.open();
    gainAndBias(x, gain, bias, out);
    byRow(
        Kernel.NORM_ROWS,
        x,
        0,
        l ->
            view(
                view(l.integer(layer(kind)), x)
                    .integer(x.columns())
                    .number(eps)
                    .address(address(gain, 0))
                    .address(optional(bias)),
                out));
  }

  private static void gainAndBias(Matrix x, Buffer gain, @Nullable Buffer bias, Matrix out) {
    Shapes.atLeast("gain", gain, x.columns());
    Shapes.optional("bias", bias, x.columns());
    Shapes.same("out", out, x);
  }

  void affine(Matrix x, Buffer gain, @Nullable Buffer bias, Matrix out) {
    thread.open();
    gainAndBias(x, gain, bias, out);
    byElement(
        Kernel.AFFINE,
        out,
        (l, count) ->
            view(
                elements(view(l, x), count, out).address(address(gain, 0)).address(optional(bias)),
                out));
  }

  /** Adds a row to every row; its first element is for {@code outFrom}. */
  void addBias(Matrix x, Buffer bias, int outFrom) {
    byElement(
        Kernel.ADD_BIAS,
        x,
        (l, count) -> elements(view(l, x), count, x).address(address(bias, outFrom)));
  }

  void sumHeads(Matrix x, int heads, @Nullable Buffer bias, Matrix out) {
    thread.open();
    Shapes.divides("columns", x.columns(), heads);
    Shapes.matrix("out", out, x.rows(), x.columns() / heads);
    Shapes.optional("bias", bias, out.columns());
    byElement(
        Kernel.SUM_HEADS,
        out,
        (l, count) ->
            view(elements(view(l, x).integer(heads), count, out).address(optional(bias)), out));
  }

  void rotate(Matrix x, int heads, RotaryTable table, IndexBuffer positions, Matrix out) {
    thread.open();
    Shapes.divides("columns", x.columns(), heads);
    Shapes.same("out", out, x);
    Shapes.indices("positions", positions, x.rows());
    int headDim = x.columns() / heads;
    CudaHandles.Rotary rotary = CudaHandles.Rotary.of(table);
    Shapes.index("rotated width", 2 * rotary.pairs(), headDim + 1);
    CudaHandles.Indices where = CudaHandles.Indices.of(positions);
    for (int position : where.host()) {
      Shapes.index("position", position, Integer.MAX_VALUE);
    }
    byRow(
        Kernel.ROTATE,
        x,
        2 * rotary.pairs() * Float.BYTES,
        l ->
            view(
                view(l, x)
                    .integer(heads)
                    .integer(headDim)
                    .address(rotary.block().address())
                    .integer(rotary.pairs())
                    .address(where.block().address()),
                out));
  }

  void gelu(Matrix x, Matrix out) {
    thread.open();
    Shapes.same("out", out, x);
    byElement(Kernel.GELU, out, (l, count) -> view(elements(view(l, x), count, out), out));
  }

  void siluTimes(Matrix gate, Matrix up, Matrix out) {
    thread.open();
    Shapes.same("up", up, gate);
    Shapes.same("out", out, gate);
    byElement(
        Kernel.SILU_TIMES,
        out,
        (l, count) -> view(elements(view(view(l, gate), up), count, out), out));
  }

  void add(Matrix a, Matrix b, Matrix out) {
    thread.open();
    Shapes.same("b", b, a);
    Shapes.same("out", out, a);
    byElement(Kernel.ADD, out, (l, count) -> view(elements(view(view(l, a), b), count, out), out));
  }

  void gather(Matrix x, IndexBuffer rows, Matrix out) {
    thread.open();
    Shapes.matrix("out", out, rows.size(), x.columns());
    CudaHandles.Indices chosen = CudaHandles.Indices.of(rows);
    for (int row : chosen.host()) {
      Shapes.index("row", row, x.rows());
    }
    copyRows(x, chosen.block().address(), out);
  }

  void repeat(Matrix x, int times, Matrix out) {
    thread.open();
    Shapes.positive("times", times);
    Shapes.matrix("out", out, x.rows(), times * x.columns());
    copyRows(x, 0, out);
  }

  /** Rows by number, or all where {@code rows} is 0, as often side by side as out has room. */
  void copyRows(Matrix x, long rows, Matrix out) {
    byElement(
        Kernel.COPY_ROWS,
        out,
        (l, count) ->
            view(elements(view(l, x).integer(x.columns()).address(rows), count, out), out));
  }

  /** Rounds to bfloat16, rows without gaps. */
  void toBfloat16(Matrix x, long target) {
    byElement(Kernel.TO_BFLOAT16, x, (l, count) -> elements(view(l, x), count, x).address(target));
  }

  /** Writes a launch's arguments. */
  private interface Arguments {
    void write(Launch launch);
  }

  private interface ElementArguments {
    void write(Launch launch, int count);
  }

  /** A block for each row. */
  private void byRow(Kernel kernel, Matrix rows, int shared, Arguments arguments) {
    if (rows.rows() == 0) {
      return;
    }
    int threads = Math.min(MOST_ROW_THREADS, (rows.columns() + WARP - 1) / WARP * WARP);
    thread.run(device -> {
      arguments.write(device.arguments());
      device.run(kernel, rows.rows(), 1, threads, shared);
    });
  }

  /** A thread for each element. */
  private void byElement(Kernel kernel, Matrix out, ElementArguments arguments) {
    int count = out.rows() * out.columns();
    if (count == 0) {
      return;
    }
    int blocks = (int) ((count + (long) ELEMENT_BLOCK - 1) / ELEMENT_BLOCK);
    thread.run(device -> {
      arguments.write(device.arguments(), count);
      device.run(kernel, blocks, 1, ELEMENT_BLOCK, 0);
    });
  }

  private static Launch view(Launch launch, Matrix view) {
    return launch.address(address(view)).integer(view.stride());
  }

  private static Launch elements(Launch launch, int count, Matrix out) {
    return launch.integer(count).integer(out.columns());
  }

  private static long optional(@Nullable Buffer buffer) {
    return buffer == null ? 0 : address(buffer, 0);
  }

  private static int layer(NormKind kind) {
    return kind == NormKind.LAYER ? 1 : 0;
  }
}
