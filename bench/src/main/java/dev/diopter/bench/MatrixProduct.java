package dev.diopter.bench;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Backends;
import dev.diopter.kernels.StorageType;
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

/** Diopter's matrix products, held against the machine's limits of the same run. */
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
public class MatrixProduct {
  @Param({"GPT2_UP", "GPT2_DOWN", "LLAMA_GATE_UP"})
  public ProductShape shape;

  @Param({"1", "2", "4", "8", "32", "128", "512"})
  public int rows;

  @Param public StorageType type;

  @Param({"1", "2"})
  public int threads;

  private Backend backend;
  private Product product;
  private Limits limits;

  /** Packs the weights and measures the limits. */
  @Setup
  public void open() {
    limits = Limits.measure(threads);
    System.out.printf("limits: %.0f GFLOP/s, %.1f GB/s%n", limits.gigaflops(), limits.gigabytes());
    backend = Backends.open("cpu", threads);
    product = new Product(backend, shape, rows, type);
  }

  /** One product. */
  @Benchmark
  public void diopter(Rates rates) {
    product.multiply();
    rates.count(product.flop(), product.bytes(), limits);
  }

  @TearDown
  public void close() {
    product.close();
    backend.close();
  }
}
