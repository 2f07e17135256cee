package dev.diopter.kernels.cpu;

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
 * All cores of this machine, with the Vector API or its scalar twin. Results are the same to the
 * bit for either, for every vector width and any number of threads. Shared by threads; each
 * operation returns when it is done.
 */
public final class CpuBackend implements Backend {
  private final KernelSelection selection;
  private final WorkerPool pool;
  private final CpuMultiply products;
  private final CpuAttention attention;
  private final CpuRows rows;
  private final SpareArrays spare = new SpareArrays(SpareArrays.MOST_BYTES);
  private volatile boolean closed;

  CpuBackend(KernelSelection selection, int threads, long parallelNanos) {
    Kernels kernels = selection.kernels();
    this.selection = selection;
    this.pool = new WorkerPool(threads, parallelNanos);
    this.products = new CpuMultiply(kernels, pool);
    this.attention = new CpuAttention(kernels, pool);
    this.rows = new CpuRows(kernels, pool);
  }

  /**
   * Starts a backend.
   *
   * @param threads how many threads compute one operation, the caller among them; 0 for one for
   *     each core
   * @throws IllegalStateException if the machine has no fused multiply-add, or the chosen kernels
   *     are not available
   */
  public static CpuBackend create(KernelChoice choice, int threads) {
    return create(choice, threads, WorkerPool.PARALLEL_NANOS);
  }

  /** {@code parallelNanos} 0 makes even the smallest operation run on all threads. */
  static CpuBackend create(KernelChoice choice, int threads, long parallelNanos) {
    if (threads < 0) {
      throw new IllegalArgumentException("expected 0 or more threads, got " + threads);
    }
    int count = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    return new CpuBackend(KernelSelection.select(choice), count, parallelNanos);
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String describe() {
    String reason = selection.reason() == null ? "" : " (" + selection.reason() + ")";
    int threads = pool.threads();
    return "cpu: %s%s, %d thread%s"
        .formatted(selection.kernels().describe(), reason, threads, threads == 1 ? "" : "s");
  }

  // ---- memory

  @Override
  public Buffer allocate(int floats) {
    open();
    float[] used = spare.take(floats);
    return used == null ? HostBuffer.allocate(floats) : HostBuffer.over(used);
  }

  @Override
  public void release(Buffer buffer) {
    if (buffer instanceof HostBuffer host) {
      float[] memory = host.surrender();
      if (memory != null && !closed) {
        spare.give(memory);
      }
    }
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
    return CpuPacker.pack(parts, pool);
  }

  @Override
  public KeyValueBlock allocateKeyValues(int heads, int headDim, int capacity) {
    open();
    Shapes.positive("heads", heads);
    Shapes.positive("head width", headDim);
    Shapes.positive("capacity", capacity);
    return new CpuKeyValues(heads, headDim, capacity);
  }

  @Override
  public RotaryTable rotary(double[] inverseFrequencies) {
    open();
    return new CpuRotary(inverseFrequencies);
  }

  // ---- operations

  @Override
  public void embed(PackedMatrix table, IndexBuffer ids, Matrix out) {
    open();
    Shapes.matrix("out", out, ids.size(), table.in());
    rows.embed(CpuMatrix.of(table), ids, out);
  }

  @Override
  public void normScale(NormKind kind, Matrix x, float eps, Matrix out) {
    open();
    Shapes.matrix("out", out, x.rows(), 1);
    rows.normScale(kind, x, eps, out);
  }

  @Override
  public void normalize(NormKind kind, Matrix x, Matrix scale, Matrix out) {
    open();
    Shapes.matrix("scale", scale, x.rows(), 1);
    Shapes.same("out", out, x);
    rows.normalize(kind, x, scale, out);
  }

  @Override
  public void affine(Matrix x, Buffer gain, @Nullable Buffer bias, Matrix out) {
    open();
    Shapes.atLeast("gain", gain, x.columns());
    Shapes.optional("bias", bias, x.columns());
    Shapes.same("out", out, x);
    rows.affine(x, gain, bias, out);
  }

  @Override
  public void norm(
      NormKind kind, Matrix x, float eps, Buffer gain, @Nullable Buffer bias, Matrix out) {
    open();
    Shapes.atLeast("gain", gain, x.columns());
    Shapes.optional("bias", bias, x.columns());
    Shapes.same("out", out, x);
    rows.norm(kind, x, eps, gain, bias, out);
  }

  @Override
  public void multiply(Matrix x, WeightSlice w, @Nullable Buffer bias, Matrix out) {
    open();
    Shapes.matrix("x", x, x.rows(), w.in());
    Shapes.matrix("out", out, x.rows(), w.out());
    Shapes.optional("bias", bias, w.outTo());
    products.run(x, w, 1, bias, out);
  }

  @Override
  public void multiplyByHead(
      Matrix x, PackedMatrix w, int heads, @Nullable Buffer bias, Matrix out) {
    open();
    Shapes.divides("inputs", w.in(), heads);
    Shapes.matrix("x", x, x.rows(), w.in());
    Shapes.matrix("out", out, x.rows(), w.out());
    Shapes.optional("bias", bias, w.out());
    products.run(x, w.all(), heads, bias, out);
  }

  @Override
  public void sumHeads(Matrix x, int heads, @Nullable Buffer bias, Matrix out) {
    open();
    Shapes.divides("columns", x.columns(), heads);
    Shapes.matrix("out", out, x.rows(), x.columns() / heads);
    Shapes.optional("bias", bias, out.columns());
    rows.sumHeads(x, heads, bias, out);
  }

  @Override
  public void rotate(Matrix x, int heads, RotaryTable table, IndexBuffer positions, Matrix out) {
    open();
    Shapes.divides("columns", x.columns(), heads);
    Shapes.same("out", out, x);
    Shapes.indices("positions", positions, x.rows());
    Shapes.index("rotated width", 2 * table.pairs(), x.columns() / heads + 1);
    rows.rotate(x, heads, CpuRotary.of(table), positions, out);
  }

  @Override
  public void store(Matrix keys, Matrix values, KeyValueBlock block, int at) {
    open();
    Shapes.store(keys, values, block, at);
    rows.store(keys, values, CpuKeyValues.of(block), at);
  }

  @Override
  public void attention(Matrix q, List<AttentionSpan> spans, int heads, float scale, Matrix z) {
    open();
    Shapes.same("z", z, q);
    for (AttentionSpan span : spans) {
      Shapes.span("q", q, span, heads);
    }
    Shapes.alike(spans);
    attention.fused(q, spans, heads, scale, z);
  }

  @Override
  public void scores(Matrix q, AttentionSpan span, int heads, float scale, Buffer out) {
    open();
    Shapes.cells("scores", out, span, heads);
    Shapes.span("q", q, span, heads);
    attention.scores(q, span, heads, scale, out);
  }

  @Override
  public void softmax(Buffer scores, AttentionSpan span, int heads, Buffer pattern) {
    open();
    Shapes.cells("scores", scores, span, heads);
    Shapes.cells("pattern", pattern, span, heads);
    attention.softmax(scores, span, heads, pattern);
  }

  @Override
  public void mix(Buffer pattern, AttentionSpan span, int heads, Matrix z) {
    open();
    Shapes.cells("pattern", pattern, span, heads);
    Shapes.span("z", z, span, heads);
    attention.mix(pattern, span, heads, z);
  }

  @Override
  public void gelu(Matrix x, Matrix out) {
    open();
    Shapes.same("out", out, x);
    rows.gelu(x, out);
  }

  @Override
  public void siluTimes(Matrix gate, Matrix up, Matrix out) {
    open();
    Shapes.same("up", up, gate);
    Shapes.same("out", out, gate);
    rows.siluTimes(gate, up, out);
  }

  @Override
  public void add(Matrix a, Matrix b, Matrix out) {
    open();
    Shapes.same("b", b, a);
    Shapes.same("out", out, a);
    rows.add(a, b, out);
  }

  @Override
  public void copy(Matrix x, Matrix out) {
    open();
    Shapes.same("out", out, x);
    rows.repeat(x, 1, out);
  }

  @Override
  public void gather(Matrix x, IndexBuffer rows, Matrix out) {
    open();
    Shapes.matrix("out", out, rows.size(), x.columns());
    this.rows.gather(x, rows, out);
  }

  @Override
  public void repeat(Matrix x, int times, Matrix out) {
    open();
    Shapes.positive("times", times);
    Shapes.matrix("out", out, x.rows(), times * x.columns());
    rows.repeat(x, times, out);
  }

  @Override
  public void close() {
    closed = true;
    pool.close();
    spare.clear();
  }

  private void open() {
    if (closed) {
      throw new IllegalStateException("the cpu backend is closed");
    }
  }
}
