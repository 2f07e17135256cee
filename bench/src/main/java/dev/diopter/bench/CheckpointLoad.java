package dev.diopter.bench;

import dev.diopter.engine.Model;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.AuxCounters;
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
import org.openjdk.jmh.annotations.Warmup;

/**
 * Opening a checkpoint whose files the system's cache holds, packing included, beside a plain read
 * of its weight files; {@code gbyte} is GB/s of the files.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 3)
@Measurement(iterations = 5, time = 3)
@Fork(
    value = 1,
    jvmArgsPrepend = {
      "--add-modules=jdk.incubator.vector",
      "--enable-native-access=ALL-UNNAMED",
      "-Xmx4g"
    })
@SuppressWarnings("NullAway.Init") // JMH fills parameters and calls the set-up.
public class CheckpointLoad {
  private static final int BLOCK = 1 << 20;

  @Param({"gpt2-small", "llama-110m", "llama-110m-bf16"})
  public String model;

  @Param({"1", "2"})
  public int threads;

  private String folder;
  private List<Path> files;
  private long size;
  private final ByteBuffer block = ByteBuffer.allocateDirect(BLOCK);

  /** What is counted beside loads. */
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  @State(Scope.Thread)
  public static class Counts {
    public double gbyte;
  }

  /** Finds the weight files. */
  @Setup
  public void find() throws IOException {
    folder = BenchModel.locate(model);
    try (Stream<Path> all = Files.list(Path.of(folder))) {
      files = all.filter(f -> f.toString().endsWith(".safetensors")).toList();
    }
    for (Path file : files) {
      size += Files.size(file);
    }
  }

  /** Bytes of the weight files. */
  long bytes() {
    return size;
  }

  /** The whole way to a model that can run. */
  @Benchmark
  public String open(Counts counts) {
    try (Model opened = BenchModel.open(folder, threads)) {
      counts.gbyte += size / 1e9;
      return opened.name();
    }
  }

  /** The same bytes through one small buffer, by one thread. */
  @Benchmark
  public long plainRead(Counts counts) throws IOException {
    long read = 0;
    for (Path file : files) {
      try (FileChannel channel = FileChannel.open(file)) {
        for (int n = channel.read(block.clear()); n >= 0; n = channel.read(block.clear())) {
          read += n;
        }
      }
    }
    counts.gbyte += read / 1e9;
    return read;
  }
}
