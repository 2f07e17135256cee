package dev.diopter.bench;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The float32 products of {@link MatrixProduct} by OpenBLAS, whose library the system property
 * {@value OpenBlas#PROPERTY} names ({@code -jvmArgsAppend -D...}).
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(
    value = 1,
    jvmArgsPrepend = {
      "--add-modules=jdk.incubator.vector",
      "--enable-native-access=ALL-UNNAMED",
      "-Xmx4g"
    })
@SuppressWarnings("NullAway.Init") // JMH fills parameters and calls the set-up.
public class MatrixProductOpenBlas {
  @Param({"GPT2_UP", "GPT2_DOWN", "LLAMA_GATE_UP"})
  public ProductShape shape;

  @Param({"1", "2", "4", "8", "32", "128", "512"})
  public int rows;

  @Param({"1", "2"})
  public int threads;

  /** The benchmark's thread owns the memory. */
  @State(Scope.Thread)
  public static class Own {
    private OpenBlasProduct product;
    private Limits limits;

    /** Opens the library. */
    @Setup
    public void open(MatrixProductOpenBlas parameters) {
      limits = Limits.measure(parameters.threads);
      OpenBlas blas = OpenBlas.open();
      System.out.printf(
          "limits: %.0f GFLOP/s, %.1f GB/s; %s%n",
          limits.gigaflops(), limits.gigabytes(), blas.description());
      blas.threads(parameters.threads);
      product = new OpenBlasProduct(blas, parameters.shape, parameters.rows);
    }

    @TearDown
    public void close() {
      product.close();
    }
  }

  /** One product. */
  @Benchmark
  public void openBlas(Own own, Rates rates) {
    own.product.multiply();
    double bytes = 4.0 * ((double) shape.in() * shape.out() + rows * (shape.in() + shape.out()));
    rates.count(shape.flop(rows), bytes, own.limits);
  }
}
