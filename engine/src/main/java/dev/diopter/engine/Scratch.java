package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelException;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory of a pass over a number of rows. One for each pass at a time; decoding reuses one for
 * all its steps.
 */
final class Scratch implements AutoCloseable {
  final Matrix residual; // [rows, width]
  final Matrix normed; // [rows, width]
  final Matrix scale; // [rows, 1]
  final Matrix queryKeyValue; // [rows, (heads + 2 keyValueHeads) * headDim]
  final Matrix query; // [rows, heads * headDim], a view
  final Matrix key; // [rows, keyValueHeads * headDim], a view
  final Matrix value; // [rows, keyValueHeads * headDim], a view
  final Matrix z; // [rows, heads * headDim]
  final Matrix out; // [rows, width]: what attention or MLP adds
  final Matrix hidden; // [rows, mlpWidth or 2 mlpWidth]
  final Matrix pre; // [rows, mlpWidth], a view
  final Matrix preLinear; // [rows, mlpWidth], a view; the same as pre where there is no gate
  private final Backend backend;
  private final List<Buffer> owned = new ArrayList<>();
  private final boolean lendsLogits;
  private final List<float[]> logits = new ArrayList<>(); // lent, by sequence
  private float[] downloaded = {};

  /** For one pass: the logits that come of it are the caller's. */
  Scratch(Backend backend, DecoderConfig config, int rows) {
    this(backend, config, rows, false);
  }

  /**
   * For {@code rows} rows.
   *
   * @param lendsLogits whether the logits of a pass are only lent until the next one
   */
  Scratch(Backend backend, DecoderConfig config, int rows, boolean lendsLogits) {
    this.backend = backend;
    this.lendsLogits = lendsLogits;
    boolean gated = config.mlp() == DecoderConfig.Mlp.SILU_GATED;
    int queries = config.heads() * config.headDim();
    int keys = config.keyValueHeads() * config.headDim();
    try {
      residual = matrix(rows, config.width());
      normed = matrix(rows, config.width());
      scale = matrix(rows, 1);
      queryKeyValue = matrix(rows, queries + 2 * keys);
      query = queryKeyValue.columns(0, queries);
      key = queryKeyValue.columns(queries, queries + keys);
      value = queryKeyValue.columns(queries + keys, queries + 2 * keys);
      z = matrix(rows, queries);
      out = matrix(rows, config.width());
      hidden = matrix(rows, gated ? 2 * config.mlpWidth() : config.mlpWidth());
      pre = hidden.columns(0, config.mlpWidth());
      preLinear = gated ? hidden.columns(config.mlpWidth(), 2 * config.mlpWidth()) : pre;
    } catch (RuntimeException | Error e) {
      owned.forEach(backend::release); // nobody else knows them yet
      throw e;
    }
  }

  /** A view of the first rows, which lives as long as this. */
  private Scratch(Scratch whole, Matrix residual, Matrix normed, Matrix z, int rows) {
    backend = whole.backend;
    lendsLogits = whole.lendsLogits;
    this.residual = residual.rows(0, rows);
    this.normed = normed.rows(0, rows);
    scale = whole.scale.rows(0, rows);
    queryKeyValue = whole.queryKeyValue.rows(0, rows);
    query = whole.query.rows(0, rows);
    key = whole.key.rows(0, rows);
    value = whole.value.rows(0, rows);
    this.z = z.rows(0, rows);
    out = whole.out.rows(0, rows);
    hidden = whole.hidden.rows(0, rows);
    pre = whole.pre.rows(0, rows);
    preLinear = whole.preLinear.rows(0, rows);
  }

  /** The same memory for the first rows only. */
  Scratch first(int rows) {
    return rows == rows() ? this : new Scratch(this, residual, normed, z, rows);
  }

  /**
   * The same memory for the first rows behind attention, when norms, queries, keys and values have
   * been used: the residual stream lies where normed rows were and z where queries were, so that
   * both can be gathered from this.
   */
  Scratch behindAttention(int rows) {
    return new Scratch(this, /* residual= */ normed, /* normed= */ residual, query, rows);
  }

  int rows() {
    return residual.rows();
  }

  /** Room on the host for what comes from the backend, overwritten by the next call's user. */
  float[] downloaded(int floats) {
    if (downloaded.length < floats) {
      downloaded = new float[floats];
    }
    return downloaded;
  }

  /** Where the logits of a sequence go. */
  float[] logits(int sequence, int floats) {
    if (!lendsLogits) {
      return new float[floats];
    }
    while (logits.size() <= sequence) {
      logits.add(new float[0]);
    }
    if (logits.get(sequence).length != floats) {
      logits.set(sequence, new float[floats]);
    }
    return logits.get(sequence);
  }

  /** Contiguous memory of its own, given back with the rest. */
  Matrix matrix(int rows, int columns) {
    return Matrix.of(buffer((long) rows * columns), rows, columns);
  }

  private Buffer buffer(long floats) {
    Buffer buffer = backend.allocate(checked(floats));
    owned.add(buffer);
    return buffer;
  }

  /** A size that one buffer can have. */
  static int checked(long floats) {
    if (floats > Integer.MAX_VALUE - 8) {
      throw new ModelException(
          "a value of %d numbers does not fit one buffer of %d: use a shorter prompt or fewer prompts at once"
              .formatted(floats, Integer.MAX_VALUE - 8));
    }
    return (int) floats;
  }

  @Override
  public void close() {
    owned.forEach(backend::release);
    owned.clear();
  }
}
