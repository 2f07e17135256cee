package dev.diopter.kernels;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The numeric primitives of a transformer on raw buffers: memory and some twenty operations,
 * nothing of models. Implementations differ in where and how fast they compute; the forward pass is
 * written once over this interface.
 *
 * <p>Determinism (not CUDA): every row of an operation's output depends on that row's inputs alone,
 * in the fixed order of {@code docs/arithmetic.md}. Rows may therefore be batched, split and
 * threaded in any way without changing a bit.
 *
 * <p>Threads: a backend is shared; operations on distinct buffers may run at the same time. Buffers
 * belong to one run. An operation has finished, as far as the next operation or {@link #download}
 * of the same thread can tell, when it returns.
 *
 * <p>Errors: {@link IllegalArgumentException} for shapes that do not fit, {@link OutOfMemoryError}
 * or {@link IllegalStateException} for memory and a closed backend.
 */
public interface Backend extends AutoCloseable {

  /** {@code reference}, {@code cpu} or {@code cuda}. */
  String name();

  /** One line for a person: what it runs on and how. */
  String describe();

  // ---- memory

  /** Uninitialised memory for {@code floats} values. */
  Buffer allocate(int floats);

  /** Gives memory back. Using it afterwards is an error that need not be detected. */
  void release(Buffer buffer);

  /** Gives memory back. */
  void release(IndexBuffer buffer);

  /** Gives memory back. */
  void release(PackedMatrix matrix);

  /** Gives memory back. */
  void release(KeyValueBlock block);

  /** Copies {@code count} floats from the host into a buffer. */
  void upload(float[] source, int from, Buffer target, int at, int count);

  /** Copies {@code count} floats from a buffer to the host. */
  void download(Buffer source, int from, float[] target, int at, int count);

  /** Copies a view from host rows without gaps. */
  default void upload(float[] source, Matrix target) {
    int columns = target.columns();
    for (int r = 0; r < target.rows(); r++) {
      int at = target.offset() + r * target.stride();
      upload(source, r * columns, target.buffer(), at, columns);
    }
  }

  /** Copies a view to host rows without gaps. */
  default void download(Matrix source, float[] target) {
    int columns = source.columns();
    for (int r = 0; r < source.rows(); r++) {
      int at = source.offset() + r * source.stride();
      download(source.buffer(), at, target, r * columns, columns);
    }
  }

  /**
   * What a pass takes to the host, for a backend that is better asked once than often; null where a
   * download costs no more than its copy.
   */
  default @Nullable Tape tape() {
    return null;
  }

  /**
   * Announces how many weights will be packed, so that a device can refuse before it is full.
   *
   * @throws BackendException if there is no room for them
   */
  default void expectWeights(long elements) {
    // Memory of the host is the JVM's business.
  }

  /** A copy of host indices. */
  IndexBuffer indices(int[] values);

  /**
   * Packs matrices with equal inputs side by side, as one matrix whose outputs are those of the
   * parts in order. Parts of one 16-bit type stay in 16 bits; parts of different types become
   * float32 exactly.
   */
  PackedMatrix pack(List<StoredMatrix> parts);

  /**
   * Room for keys and values of one layer. Shared by whoever reads it, so nobody need release it: a
   * backend gives back blocks that nobody can reach any more.
   */
  KeyValueBlock allocateKeyValues(int heads, int headDim, int capacity);

  /** A rotary table for these inverse frequencies. */
  RotaryTable rotary(double[] inverseFrequencies);

  // ---- operations; every output must have the shape that its comment names

  /**
   * {@code out[r] = column ids[r] of table}: rows of an embedding stored as its own transpose,
   * table [width, vocabulary].
   */
  void embed(PackedMatrix table, IndexBuffer ids, Matrix out);

  /**
   * {@code out[r, 0] = sqrt(mean square + eps)} of row r, after subtracting its mean for {@link
   * NormKind#LAYER}. out [rows, 1].
   */
  void normScale(NormKind kind, Matrix x, float eps, Matrix out);

  /**
   * {@code (x - mean) / scale} or {@code x / scale}, scale [rows, 1]. {@code out} may be {@code x}.
   */
  void normalize(NormKind kind, Matrix x, Matrix scale, Matrix out);

  /** {@code x * gain + bias} along the row. {@code out} may be {@code x}. */
  void affine(Matrix x, Buffer gain, @Nullable Buffer bias, Matrix out);

  /**
   * {@link #normScale}, {@link #normalize} and {@link #affine} in one, to the same bits. {@code
   * out} may be {@code x}.
   */
  void norm(NormKind kind, Matrix x, float eps, Buffer gain, @Nullable Buffer bias, Matrix out);

  /**
   * {@code out = x W + bias}: x [rows, w.in()], out [rows, w.out()]; bias is indexed by output of
   * the whole matrix ({@code w.outFrom()} first). One chain of fused multiply-adds for each
   * element, the bias added last.
   */
  void multiply(Matrix x, WeightSlice w, @Nullable Buffer bias, Matrix out);

  /**
   * {@code out = sum over heads of (x_h W_h) + bias}, where head h owns inputs {@code h * in /
   * heads ..}: a chain for each head, the heads added in order, then the bias. x [rows, in], out
   * [rows, out].
   */
  void multiplyByHead(Matrix x, PackedMatrix w, int heads, @Nullable Buffer bias, Matrix out);

  /**
   * {@code out[r] = sum over heads of x[r, h] + bias}, heads in order. x [rows, heads * width], out
   * [rows, width].
   */
  void sumHeads(Matrix x, int heads, @Nullable Buffer bias, Matrix out);

  /**
   * Turns the pairs (i, i + pairs) of each head by the angle of the row's position. x and out
   * [rows, heads * headDim] with {@code 2 * pairs <= headDim}; what lies behind the pairs is
   * copied. {@code out} may be {@code x}.
   */
  void rotate(Matrix x, int heads, RotaryTable table, IndexBuffer positions, Matrix out);

  /**
   * Writes rows of keys and values, [n, heads * headDim] each, to entries {@code at ..} of a block.
   */
  void store(Matrix keys, Matrix values, KeyValueBlock block, int at);

  /**
   * Causal attention without materialised scores: {@code z = softmax(q k^T * scale) v} for each
   * head, query head h reading key/value head {@code h * kvHeads / heads}. q and z [rows, heads *
   * headDim]; the spans are disjoint; rows in no span are left alone.
   */
  void attention(Matrix q, List<AttentionSpan> spans, int heads, float scale, Matrix z);

  /** Scores of one span, [heads, rows, keys], minus infinity where key > query. */
  void scores(Matrix q, AttentionSpan span, int heads, float scale, Buffer out);

  /**
   * Softmax over the visible keys of each row; masked cells 0; a row that is minus infinity
   * throughout becomes zeros. {@code pattern} may be {@code scores}.
   */
  void softmax(Buffer scores, AttentionSpan span, int heads, Buffer pattern);

  /**
   * {@code z = pattern v} for the rows of the span: z is the whole batch [rows, heads * headDim].
   * Masked cells are not read.
   */
  void mix(Buffer pattern, AttentionSpan span, int heads, Matrix z);

  /** GELU in its tanh form. {@code out} may be {@code x}. */
  void gelu(Matrix x, Matrix out);

  /** {@code silu(gate) * up}. {@code out} may be {@code gate} or {@code up}. */
  void siluTimes(Matrix gate, Matrix up, Matrix out);

  /** {@code a + b}. {@code out} may be either. */
  void add(Matrix a, Matrix b, Matrix out);

  /** {@code out = x}, between views of equal shape that do not overlap. */
  void copy(Matrix x, Matrix out);

  /** {@code out[i] = x[rows[i]]}. */
  void gather(Matrix x, IndexBuffer rows, Matrix out);

  /** {@code out[r] = x[r], x[r], ...}: out [rows, times * x.columns()]. */
  void repeat(Matrix x, int times, Matrix out);

  /** Waits until this thread's operations are done and throws what failed in them. */
  default void finish() {
    // An operation of the host is done, or has thrown, when it returns.
  }

  /** Releases what the backend itself holds (threads, device). Idempotent. */
  @Override
  void close();
}
