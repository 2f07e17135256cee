package dev.diopter.kernels.cuda;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.Backend;
import dev.diopter.kernels.BackendException;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.IndexBuffer;
import dev.diopter.kernels.KeyValueBlock;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.NormKind;
import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.RotaryTable;
import dev.diopter.kernels.StoredMatrix;
import dev.diopter.kernels.Tape;
import dev.diopter.kernels.WeightSlice;
import dev.diopter.kernels.host.Shapes;
import java.util.List;
import jcuda.driver.CUdeviceptr;
import org.jspecify.annotations.Nullable;

/**
 * An NVIDIA GPU. Weights, buffers, keys and values stay in its memory; an operation checks its
 * operands, is put in line for the thread that owns the device, and returns. Nothing waits for the
 * device but downloads and fresh memory, which passes of a size seen before do not need.
 *
 * <p>Results keep to tolerances, not to bits: cuBLAS chooses its own order of summation. What goes
 * wrong on the device is told at the next call that comes after it, at {@link #finish} at the
 * latest.
 */
public final class CudaBackend implements Backend {
  /** Which part of its weights' size a model needs besides them, for a pass over a short prompt. */
  private static final int PASS_SHARE = 32;

  private final CudaPrecision precision;
  private final CudaThread thread;
  private final DeviceMemory memory;
  private final CudaRows rows;
  private final CudaAttention attention;
  private final CudaTransfers transfers;
  private final String description;

  private CudaBackend(CudaPrecision precision) {
    this.precision = precision;
    this.thread = new CudaThread(CudaDevice::open);
    this.memory = new DeviceMemory(thread);
    this.rows = new CudaRows(thread);
    this.attention = new CudaAttention(thread, memory);
    this.transfers = new CudaTransfers(thread, memory, rows);
    try {
      this.description =
          "%s: %s, %s"
              .formatted(precision.backend(), thread.call(CudaDevice::describe), precision.label());
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /**
   * Opens the first GPU.
   *
   * @throws BackendException if it cannot be used; the message says why and what to do
   */
  public static CudaBackend open(CudaPrecision precision) {
    CudaProbe.require();
    return new CudaBackend(precision);
  }

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public String describe() {
    return description;
  }

  // ---- memory

  @Override
  public Buffer allocate(int floats) {
    if (floats < 0) {
      throw new IllegalArgumentException("expected 0 or more floats, got " + floats);
    }
    return new CudaHandles.Floats(memory.allocate((long) floats * Float.BYTES), floats);
  }

  @Override
  public void release(Buffer buffer) {
    memory.release(CudaHandles.Floats.of(buffer).block());
  }

  @Override
  public void release(IndexBuffer buffer) {
    memory.release(CudaHandles.Indices.of(buffer).block());
  }

  @Override
  public void release(PackedMatrix matrix) {
    memory.release(CudaHandles.Weights.of(matrix).block());
  }

  @Override
  public void release(KeyValueBlock block) {
    memory.releaseOwned(CudaHandles.KeyValues.of(block).block());
  }

  @Override
  public void upload(float[] source, int from, Buffer target, int at, int count) {
    transfers.upload(source, from, target, at, count);
  }

  @Override
  public void download(Buffer source, int from, float[] target, int at, int count) {
    transfers.download(source, from, target, at, count);
  }

  @Override
  public void upload(float[] source, Matrix target) {
    transfers.upload(source, target);
  }

  @Override
  public void download(Matrix source, float[] target) {
    transfers.download(source, target);
  }

  @Override
  public Tape tape() {
    return new CudaTape(thread, memory, rows, transfers);
  }

  @Override
  public void expectWeights(long elements) {
    long bytes = elements * precision.weightBytes();
    long pass = bytes / PASS_SHARE;
    long[] free = memory.free();
    if (bytes + pass > free[0] && memory.othersGiveUp()) {
      free = memory.free();
    }
    if (bytes + pass > free[0]) {
      throw new BackendException(
          "the model does not fit the GPU: its weights need %s and a short pass %s, %s of %s are free; use --backend cpu%s"
              .formatted(
                  DeviceMemory.megabytes(bytes),
                  DeviceMemory.megabytes(pass),
                  DeviceMemory.megabytes(free[0]),
                  DeviceMemory.megabytes(free[1]),
                  precision == CudaPrecision.BFLOAT16
                      ? ""
                      : ", or --backend cuda-bf16 for half the size"));
    }
  }

  @Override
  public IndexBuffer indices(int[] values) {
    thread.open();
    int[] own = values.clone();
    return new CudaHandles.Indices(transfers.indices(own), own);
  }

  @Override
  public PackedMatrix pack(List<StoredMatrix> parts) {
    return transfers.pack(parts, precision == CudaPrecision.BFLOAT16);
  }

  @Override
  public KeyValueBlock allocateKeyValues(int heads, int headDim, int capacity) {
    thread.open();
    Shapes.positive("heads", heads);
    Shapes.positive("head width", headDim);
    Shapes.positive("capacity", capacity);
    long floats = 2L * heads * headDim * capacity;
    DeviceMemory.Block block = memory.allocate(floats * Float.BYTES);
    CudaHandles.KeyValues made = new CudaHandles.KeyValues(block, heads, headDim, capacity);
    memory.releaseWith(made, block);
    return made;
  }

  @Override
  public RotaryTable rotary(double[] inverseFrequencies) {
    thread.open();
    return new CudaHandles.Rotary(
        transfers.frequencies(inverseFrequencies), inverseFrequencies.length);
  }

  // ---- operations

  @Override
  public void embed(PackedMatrix table, IndexBuffer ids, Matrix out) {
    rows.embed(table, ids, out);
  }

  @Override
  public void normScale(NormKind kind, Matrix x, float eps, Matrix out) {
    rows.normScale(kind, x, eps, out);
  }

  @Override
  public void normalize(NormKind kind, Matrix x, Matrix scale, Matrix out) {
    rows.normalize(kind, x, scale, out);
  }

  @Override
  public void affine(Matrix x, Buffer gain, @Nullable Buffer bias, Matrix out) {
    rows.affine(x, gain, bias, out);
  }

  @Override
  public void norm(
      NormKind kind, Matrix x, float eps, Buffer gain, @Nullable Buffer bias, Matrix out) {
    rows.norm(kind, x, eps, gain, bias, out);
  }

  @Override
  public void multiply(Matrix x, WeightSlice w, @Nullable Buffer bias, Matrix out) {
    thread.open();
    Shapes.matrix("x", x, x.rows(), w.in());
    Shapes.matrix("out", out, x.rows(), w.out());
    Shapes.optional("bias", bias, w.outTo());
    CudaHandles.Weights weights = CudaHandles.Weights.of(w.matrix());
    if (x.rows() == 0) {
      return;
    }
    if (weights.half()) {
      DeviceMemory.Block rounded = memory.allocate((long) x.rows() * x.columns() * Short.BYTES);
      try {
        rows.toBfloat16(x, rounded.address());
        product(rounded.pointer(), x.columns(), x.rows(), w, weights, out);
      } finally {
        memory.release(rounded);
      }
    } else {
      product(CudaHandles.pointer(x), x.stride(), x.rows(), w, weights, out);
    }
    if (bias != null) {
      rows.addBias(out, bias, w.outFrom());
    }
  }

  private void product(
      CUdeviceptr x,
      int stride,
      int count,
      WeightSlice w,
      CudaHandles.Weights weights,
      Matrix out) {
    CUdeviceptr target = CudaHandles.pointer(out);
    thread.run(device ->
        device.multiply(
            count,
            w.out(),
            w.in(),
            x,
            stride,
            weights.at(w.inFrom(), w.outFrom()),
            weights.stride(),
            weights.transposed(),
            target,
            out.stride(),
            weights.half(),
            precision.computeType()));
  }

  /** One product of all heads: their sums differ from those of single heads in rounding only. */
  @Override
  public void multiplyByHead(
      Matrix x, PackedMatrix w, int heads, @Nullable Buffer bias, Matrix out) {
    Shapes.divides("inputs", w.in(), heads);
    multiply(x, w.all(), bias, out);
  }

  @Override
  public void sumHeads(Matrix x, int heads, @Nullable Buffer bias, Matrix out) {
    rows.sumHeads(x, heads, bias, out);
  }

  @Override
  public void rotate(Matrix x, int heads, RotaryTable table, IndexBuffer positions, Matrix out) {
    rows.rotate(x, heads, table, positions, out);
  }

  @Override
  public void store(Matrix keys, Matrix values, KeyValueBlock block, int at) {
    attention.store(keys, values, block, at);
  }

  @Override
  public void attention(Matrix q, List<AttentionSpan> spans, int heads, float scale, Matrix z) {
    attention.attention(q, spans, heads, scale, z);
  }

  @Override
  public void scores(Matrix q, AttentionSpan span, int heads, float scale, Buffer out) {
    attention.scores(q, span, heads, scale, out);
  }

  @Override
  public void softmax(Buffer scores, AttentionSpan span, int heads, Buffer pattern) {
    attention.softmax(scores, span, heads, pattern);
  }

  @Override
  public void mix(Buffer pattern, AttentionSpan span, int heads, Matrix z) {
    attention.mix(pattern, span, heads, z);
  }

  @Override
  public void gelu(Matrix x, Matrix out) {
    rows.gelu(x, out);
  }

  @Override
  public void siluTimes(Matrix gate, Matrix up, Matrix out) {
    rows.siluTimes(gate, up, out);
  }

  @Override
  public void add(Matrix a, Matrix b, Matrix out) {
    rows.add(a, b, out);
  }

  @Override
  public void copy(Matrix x, Matrix out) {
    rows.repeat(x, 1, out);
  }

  @Override
  public void gather(Matrix x, IndexBuffer chosen, Matrix out) {
    rows.gather(x, chosen, out);
  }

  @Override
  public void repeat(Matrix x, int times, Matrix out) {
    rows.repeat(x, times, out);
  }

  @Override
  public void finish() {
    thread.finish();
  }

  @Override
  public void close() {
    thread.close(device -> {
      memory.close(thread.isLost());
      device.close();
    });
  }
}
