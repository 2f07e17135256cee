package dev.diopter.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Every operation of a backend on random numbers against the same operation of another one: how far
 * they are apart, and how long the first one takes. For machines that the tests do not reach.
 */
public final class BackendComparison {
  private static final long SEED = 20261124;
  private static final float EPS = 1e-5f;
  private static final int VOCABULARY = 1000;
  private static final double BOUND = 2e-5;
  private static final int MOST_ROUNDS = 20;
  private static final long ENOUGH_NANOS = 50_000_000;

  private final int rows;
  private final int heads;
  private final int headDim;
  private final int width;

  /**
   * What came of one operation.
   *
   * @param operation its name
   * @param error largest difference, divided by the largest value where that is above 1; not a
   *     number where a value is not
   * @param bound what the error may be
   * @param milliseconds of one call; not a number where it failed
   * @param failure what went wrong instead, or null
   */
  public record Outcome(
      String operation, double error, double bound, double milliseconds, @Nullable String failure) {
    /** Whether the backends agree. */
    public boolean agrees() {
      return failure == null && error <= bound;
    }
  }

  /** An operation that was made ready on a backend, and where its result will be. */
  private record Ready(Runnable operation, Matrix result) {}

  private BackendComparison(int rows, int heads, int headDim) {
    this.rows = rows;
    this.heads = heads;
    this.headDim = headDim;
    this.width = heads * headDim;
  }

  /**
   * Compares all operations. One that fails is an outcome too; none follow where the subject is
   * lost.
   *
   * @param subject the backend in question
   * @param oracle the one that is right
   * @param rows rows of each operand
   * @param heads attention heads; key and value heads are half as many
   * @param headDim width of a head, even
   */
  public static List<Outcome> run(
      Backend subject, Backend oracle, int rows, int heads, int headDim) {
    BackendComparison comparison = new BackendComparison(rows, heads, headDim);
    List<Outcome> outcomes = new ArrayList<>();
    comparison.add(outcomes, subject, oracle);
    return List.copyOf(outcomes);
  }

  private void add(List<Outcome> outcomes, Backend subject, Backend oracle) {
    record Named(String name, Function<Operands, Ready> make) {}
    List<Named> all =
        List.of(
            new Named("embed", this::embed),
            new Named("norm_scale", this::normScale),
            new Named("normalize", this::normalize),
            new Named("affine", o -> on(o, (x, out) -> o.backend.affine(x, o.row, o.row, out))),
            new Named("norm layer", o -> norm(o, NormKind.LAYER)),
            new Named("norm rms", o -> norm(o, NormKind.RMS)),
            new Named("multiply f32", o -> product(o, StorageType.F32, true)),
            new Named("multiply f16", o -> product(o, StorageType.F16, true)),
            new Named("multiply bf16", o -> product(o, StorageType.BF16, false)),
            new Named("multiply_by_head", this::byHead),
            new Named("sum_heads", this::sumHeads),
            new Named("rotate", this::rotate),
            new Named("store, attention", this::attention),
            new Named("scores, softmax, mix", this::inSight),
            new Named("gelu", o -> on(o, o.backend::gelu)),
            new Named("silu_times", o -> on(o, (x, out) -> o.backend.siluTimes(x, x, out))),
            new Named("add", o -> on(o, (x, out) -> o.backend.add(x, x, out))),
            new Named("copy", o -> on(o, o.backend::copy)),
            new Named("gather", this::gather),
            new Named("repeat", this::repeat));
    for (Named one : all) {
      try (Operands a = new Operands(subject);
          Operands b = new Operands(oracle)) {
        Ready got = one.make.apply(a);
        Ready want = one.make.apply(b);
        got.operation.run();
        want.operation.run();
        double error = error(a.values(got.result), b.values(want.result));
        outcomes.add(new Outcome(one.name, error, BOUND, time(a, got), null));
      } catch (RuntimeException e) {
        outcomes.add(
            new Outcome(one.name, Double.NaN, BOUND, Double.NaN, String.valueOf(e.getMessage())));
        if (isLost(subject)) {
          return;
        }
      }
    }
  }

  /** Whether nothing works any more: what failed is told once, a loss every time. */
  private static boolean isLost(Backend subject) {
    for (int i = 0; i < 2; i++) {
      try {
        subject.finish();
        return false;
      } catch (RuntimeException e) {
        // Asked again: this may be what was left of the operation that failed.
      }
    }
    return true;
  }

  private static double error(float[] got, float[] want) {
    double scale = 1;
    for (float value : want) {
      scale = Math.max(scale, Math.abs(value));
    }
    double worst = 0;
    for (int i = 0; i < want.length; i++) {
      double difference = Math.abs((double) got[i] - want[i]) / scale;
      worst = difference <= worst ? worst : difference; // not a number stays
      if (Double.isNaN(difference)) {
        return Double.NaN;
      }
    }
    return worst;
  }

  /** A mean over some calls, which the download of one number waits for. */
  private static double time(Operands operands, Ready ready) {
    long start = System.nanoTime();
    int rounds = 0;
    do {
      ready.operation.run();
      rounds++;
    } while (rounds < MOST_ROUNDS && System.nanoTime() - start < ENOUGH_NANOS);
    operands.backend.download(ready.result.buffer(), ready.result.offset(), new float[1], 0, 1);
    return (System.nanoTime() - start) / 1e6 / rounds;
  }

  /** Memory and random numbers of one operation on one backend; the same on every backend. */
  private final class Operands implements AutoCloseable {
    private final Backend backend;
    private final Random random = new Random(SEED);
    private final List<Runnable> releases = new ArrayList<>();
    private final Buffer row;

    Operands(Backend backend) {
      this.backend = backend;
      this.row = matrix(1, width).buffer();
    }

    Matrix matrix(int count, int columns) {
      float[] values = new float[count * columns];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
      Matrix made = empty(count, columns);
      backend.upload(values, made);
      return made;
    }

    Matrix empty(int count, int columns) {
      Buffer buffer = backend.allocate(count * columns);
      releases.add(() -> backend.release(buffer));
      return Matrix.of(buffer, count, columns);
    }

    IndexBuffer indices(int bound) {
      IndexBuffer made = backend.indices(random.ints(rows, 0, bound).toArray());
      releases.add(() -> backend.release(made));
      return made;
    }

    /** Weights; {@code byOutput} says whether the inputs of an output lie together. */
    PackedMatrix weights(StorageType type, int in, int out, boolean byOutput) {
      MemorySegment data = Arena.ofAuto().allocate((long) in * out * type.bytes());
      for (long i = 0; i < (long) in * out; i++) {
        float value = (float) random.nextGaussian();
        switch (type) {
          case F32 -> data.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
          case F16 -> data.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(value));
          case BF16 ->
              data.setAtIndex(
                  ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value) >>> 16));
        }
      }
      PackedMatrix made =
          backend.pack(
              List.of(
                  byOutput
                      ? new StoredMatrix(data, type, 0, in, out, 1, in)
                      : new StoredMatrix(data, type, 0, in, out, out, 1)));
      releases.add(() -> backend.release(made));
      return made;
    }

    float[] values(Matrix matrix) {
      float[] values = new float[matrix.rows() * matrix.columns()];
      backend.download(matrix, values);
      return values;
    }

    @Override
    public void close() {
      releases.forEach(Runnable::run);
    }
  }

  private interface Elementwise {
    void run(Matrix x, Matrix out);
  }

  private Ready on(Operands o, Elementwise operation) {
    Matrix x = o.matrix(rows, width);
    Matrix out = o.empty(rows, width);
    return new Ready(() -> operation.run(x, out), out);
  }

  private Ready embed(Operands o) {
    PackedMatrix table = o.weights(StorageType.F32, width, VOCABULARY, true);
    IndexBuffer ids = o.indices(VOCABULARY);
    Matrix out = o.empty(rows, width);
    return new Ready(() -> o.backend.embed(table, ids, out), out);
  }

  private Ready normScale(Operands o) {
    Matrix x = o.matrix(rows, width);
    Matrix out = o.empty(rows, 1);
    return new Ready(() -> o.backend.normScale(NormKind.LAYER, x, EPS, out), out);
  }

  private Ready normalize(Operands o) {
    Matrix x = o.matrix(rows, width);
    Matrix scale = o.empty(rows, 1);
    Matrix out = o.empty(rows, width);
    o.backend.normScale(NormKind.LAYER, x, EPS, scale);
    return new Ready(() -> o.backend.normalize(NormKind.LAYER, x, scale, out), out);
  }

  private Ready norm(Operands o, NormKind kind) {
    return on(o, (x, out) -> o.backend.norm(kind, x, EPS, o.row, o.row, out));
  }

  private Ready product(Operands o, StorageType type, boolean byOutput) {
    PackedMatrix w = o.weights(type, width, 3 * width, byOutput);
    Matrix x = o.matrix(rows, width);
    Buffer bias = o.matrix(1, 3 * width).buffer();
    Matrix out = o.empty(rows, 3 * width);
    return new Ready(() -> o.backend.multiply(x, w.all(), bias, out), out);
  }

  private Ready byHead(Operands o) {
    PackedMatrix w = o.weights(StorageType.F32, width, width, false);
    return on(o, (x, out) -> o.backend.multiplyByHead(x, w, heads, o.row, out));
  }

  private Ready sumHeads(Operands o) {
    Matrix x = o.matrix(rows, heads * width);
    Matrix out = o.empty(rows, width);
    return new Ready(() -> o.backend.sumHeads(x, heads, o.row, out), out);
  }

  private Ready rotate(Operands o) {
    double[] frequencies = new double[headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = Math.pow(10_000, -2.0 * i / headDim);
    }
    RotaryTable table = o.backend.rotary(frequencies);
    IndexBuffer positions = o.indices(2000);
    return on(o, (x, out) -> o.backend.rotate(x, heads, table, positions, out));
  }

  private AttentionSpan span(Operands o) {
    int kvHeads = Math.max(1, heads / 2);
    KeyValueBlock block = o.backend.allocateKeyValues(kvHeads, headDim, rows + 3);
    o.releases.add(() -> o.backend.release(block));
    Matrix keys = o.matrix(rows + 3, kvHeads * headDim);
    Matrix values = o.matrix(rows + 3, kvHeads * headDim);
    o.backend.store(keys, values, block, 0);
    return new AttentionSpan(0, rows, 3, new KeyValueView(List.of(block), new int[] {rows + 3}));
  }

  private Ready attention(Operands o) {
    AttentionSpan span = span(o);
    return on(o, (q, z) -> o.backend.attention(q, List.of(span), heads, 0.125f, z));
  }

  private Ready inSight(Operands o) {
    AttentionSpan span = span(o);
    Buffer cells = o.empty(heads * rows, span.keyCount()).buffer();
    return on(
        o,
        (q, z) -> {
          o.backend.scores(q, span, heads, 0.125f, cells);
          o.backend.softmax(cells, span, heads, cells);
          o.backend.mix(cells, span, heads, z);
        });
  }

  private Ready gather(Operands o) {
    IndexBuffer chosen = o.indices(rows);
    return on(o, (x, out) -> o.backend.gather(x, chosen, out));
  }

  private Ready repeat(Operands o) {
    Matrix x = o.matrix(rows, width);
    Matrix out = o.empty(rows, 3 * width);
    return new Ready(() -> o.backend.repeat(x, 3, out), out);
  }
}
