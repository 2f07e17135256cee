package dev.diopter.engine;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.Backend;
import dev.diopter.kernels.BackendException;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.IndexBuffer;
import dev.diopter.kernels.KeyValueView;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.StorageType;
import dev.diopter.kernels.StoredMatrix;
import dev.diopter.models.DecoderConfig;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Products of rows with matrices, by the kernels and on the device that a model computes with: for
 * maps that are trained, and for gradients through a model's head. Rows are host arrays, row-major
 * float32. On the CPU each row's bits depend on that row alone, however rows are batched.
 *
 * <p>Thread safe; several threads may compute at the same time. Of no use once the model is closed.
 */
public final class Products {
  /** Ids whose rows of the head are fetched at a time: some MB. */
  private static final int HEAD_FLOATS = 1 << 20;

  private final Backend backend;
  private final DecoderConfig config;
  private final ModelWeights weights;
  private final Runner runner;
  private final Lease lease;

  Products(
      Backend backend, DecoderConfig config, ModelWeights weights, Runner runner, Lease lease) {
    this.backend = backend;
    this.config = config;
    this.weights = weights;
    this.runner = runner;
    this.lease = lease;
  }

  /** A matrix [in, out] as the backend multiplies it fastest. Close it when it is used no more. */
  public final class Packed implements AutoCloseable {
    private final PackedMatrix matrix;
    private boolean closed;

    private Packed(PackedMatrix matrix) {
      this.matrix = matrix;
    }

    /** Numbers of a row that is multiplied. */
    public int in() {
      return matrix.in();
    }

    /** Numbers of a row that comes out. */
    public int out() {
      return matrix.out();
    }

    /** Gives its memory back. Idempotent. */
    @Override
    public void close() {
      if (!closed) {
        closed = true;
        try (Lease.Use _ = lease.take()) {
          backend.release(matrix);
        }
      }
    }
  }

  /**
   * Packs a matrix; the numbers are copied.
   *
   * @param values element (i, o) at {@code i * inStride + o * outStride}
   * @throws IllegalArgumentException if there are not as many
   */
  public Packed pack(float[] values, int in, int out, int inStride, int outStride) {
    try (Lease.Use _ = lease.take()) {
      return new Packed(pack(MemorySegment.ofArray(values), in, out, inStride, outStride));
    }
  }

  private PackedMatrix pack(MemorySegment data, int in, int out, long inStride, long outStride) {
    return backend.pack(
        List.of(new StoredMatrix(data, StorageType.F32, 0, in, out, inStride, outStride)));
  }

  /**
   * The head the other way round, [vocabulary, width]: rows of derivatives by logits become rows of
   * derivatives by the head's input. A second copy of the head in float32, made anew by each call.
   */
  public Packed headTransposed() {
    float[] head = head();
    try (Lease.Use _ = lease.take()) {
      return new Packed(
          pack(
              MemorySegment.ofArray(head), config.vocabulary(), config.width(), config.width(), 1));
    }
  }

  /** The numbers of the head, [vocabulary, width], row-major float32; a copy. */
  public float[] head() {
    int vocabulary = config.vocabulary();
    int width = config.width();
    int most = Math.max(1, HEAD_FLOATS / width);
    try (Lease.Use _ = lease.take()) {
      float[] head = new float[Scratch.checked((long) vocabulary * width)];
      for (int from = 0; from < vocabulary; from += most) {
        fetch(from, Math.min(most, vocabulary - from), head);
      }
      return head;
    } catch (RuntimeException | Error e) {
      runner.abandon(e);
      throw e;
    }
  }

  /** The numbers that the head adds, [vocabulary], a copy; null where it adds none. */
  public float @Nullable [] headBias() {
    try (Lease.Use _ = lease.take()) {
      Buffer bias = weights.headBias();
      if (bias == null) {
        return null;
      }
      float[] values = new float[config.vocabulary()];
      backend.download(bias, 0, values, 0, values.length);
      backend.finish();
      return values;
    } catch (RuntimeException | Error e) {
      runner.abandon(e);
      throw e;
    }
  }

  private void fetch(int from, int count, float[] head) {
    int width = config.width();
    int[] ids = new int[count];
    for (int i = 0; i < count; i++) {
      ids[i] = from + i;
    }
    IndexBuffer indices = backend.indices(ids);
    try (Decoder.Extra extra = new Decoder.Extra(backend)) {
      Matrix rows = extra.matrix(count, width);
      backend.embed(weights.head(), indices, rows);
      backend.download(rows.buffer(), rows.offset(), head, from * width, count * width);
      backend.finish();
    } finally {
      backend.release(indices);
    }
  }

  /**
   * {@code out = rows matrix}.
   *
   * @param rows [count, matrix.in()]
   * @param out [count, matrix.out()]
   * @throws UsageException if an array is too small
   * @throws BackendException if the device fails
   */
  public void multiply(float[] rows, int count, Packed matrix, float[] out) {
    int in = checked("multiply: rows", rows, count, matrix.in());
    int size = checked("multiply: out", out, count, matrix.out());
    if (count == 0) {
      return;
    }
    try (Lease.Use _ = lease.take();
        Decoder.Extra extra = new Decoder.Extra(backend)) {
      Matrix x = extra.matrix(count, matrix.in());
      Matrix y = extra.matrix(count, matrix.out());
      backend.upload(rows, 0, x.buffer(), x.offset(), in);
      backend.multiply(x, matrix.matrix.all(), null, y);
      backend.download(y.buffer(), y.offset(), out, 0, size);
      backend.finish();
    } catch (RuntimeException | Error e) {
      runner.abandon(e);
      throw e;
    }
  }

  /**
   * Softmax along each row.
   *
   * @param rows [count, columns]
   * @param out [count, columns]; may be {@code rows}
   */
  public void softmax(float[] rows, int count, int columns, float[] out) {
    int size = checked("softmax: rows", rows, count, columns);
    checked("softmax: out", out, count, columns);
    if (count == 0) {
      return;
    }
    // As many heads of one query that sees all keys: the same operation as attention's.
    AttentionSpan span =
        new AttentionSpan(0, 1, columns - 1, new KeyValueView(List.of(), new int[0]));
    try (Lease.Use _ = lease.take();
        Decoder.Extra extra = new Decoder.Extra(backend)) {
      Matrix x = extra.matrix(count, columns);
      backend.upload(rows, 0, x.buffer(), x.offset(), size);
      backend.softmax(x.buffer(), span, count, x.buffer());
      backend.download(x.buffer(), x.offset(), out, 0, size);
      backend.finish();
    } catch (RuntimeException | Error e) {
      runner.abandon(e);
      throw e;
    }
  }

  private static int checked(String what, float[] values, int rows, int columns) {
    int size = Scratch.checked((long) rows * columns);
    if (rows < 0 || values.length < size) {
      throw new UsageException(
          "%s: expected %d rows of %d numbers, got %d numbers"
              .formatted(what, rows, columns, values.length));
    }
    return size;
  }
}
