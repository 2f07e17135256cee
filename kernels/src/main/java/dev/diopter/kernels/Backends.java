package dev.diopter.kernels;

import dev.diopter.kernels.cpu.CpuBackend;
import dev.diopter.kernels.cpu.KernelChoice;
import dev.diopter.kernels.cuda.CudaBackend;
import dev.diopter.kernels.cuda.CudaPrecision;
import dev.diopter.kernels.cuda.CudaProbe;
import dev.diopter.kernels.reference.ReferenceBackend;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Opens backends by name. */
public final class Backends {
  /** More threads than any machine makes use of: a larger number is a mistake. */
  public static final int MOST_THREADS = 1024;

  /** The names that {@link #open} knows. */
  public static final List<String> NAMES =
      List.of("auto", "cpu", "cuda", "cuda-tf32", "cuda-bf16", "reference");

  /** Reasons that were logged. */
  private static final Set<String> TOLD = ConcurrentHashMap.newKeySet();

  private Backends() {}

  /**
   * Opens a backend, which the caller closes.
   *
   * @param name {@code reference}, {@code cpu}, {@code cuda} (or, where lower precision is wanted,
   *     {@code cuda-tf32} or {@code cuda-bf16}), or {@code auto} for the fastest that works here
   * @param threads how many threads compute, 0 for all cores; ignored by the reference and the CUDA
   *     backend
   * @throws IllegalArgumentException if there is no such backend
   * @throws BackendException if this machine cannot run it; the message says what to do
   */
  public static Backend open(String name, int threads) {
    if (threads < 0 || threads > MOST_THREADS) {
      throw new IllegalArgumentException(
          "expected 0 to %d threads, got %d".formatted(MOST_THREADS, threads));
    }
    return switch (name) {
      case "reference" -> new ReferenceBackend();
      case "cpu" -> cpu(threads);
      case "auto" -> fastest(threads);
      case "cuda" -> cuda(CudaPrecision.FLOAT32);
      case "cuda-tf32" -> cuda(CudaPrecision.TF32);
      case "cuda-bf16" -> cuda(CudaPrecision.BFLOAT16);
      default ->
          throw new IllegalArgumentException(
              "expected a backend of %s, got %s".formatted(String.join(", ", NAMES), name));
    };
  }

  private static Backend cuda(CudaPrecision precision) {
    CudaProbe.require(); // before the backend's classes bring JCuda's along
    return CudaBackend.open(precision);
  }

  private static Backend cpu(int threads) {
    return CpuBackend.create(KernelChoice.AUTO, threads);
  }

  private static Backend fastest(int threads) {
    CudaProbe probe = CudaProbe.cached();
    if (!probe.usable()) {
      return probe.mendable()
          ? cpuBecause(probe.detail() + "; diopter doctor says what to do", threads)
          : cpuBecause(probe.detail(), Level.INFO, threads);
    }
    try {
      return CudaBackend.open(CudaPrecision.FLOAT32);
    } catch (BackendException e) {
      return cpuBecause(String.valueOf(e.getMessage()), threads);
    }
  }

  /**
   * Opens the CPU backend where {@code auto} would have taken a GPU that is there, and logs why, as
   * a warning: one line for each reason, however often.
   *
   * @param reason what the GPU lacks
   * @param threads how many threads compute, 0 for all cores
   */
  public static Backend cpuBecause(String reason, int threads) {
    return cpuBecause(reason, Level.WARNING, threads);
  }

  private static Backend cpuBecause(String reason, Level level, int threads) {
    if (TOLD.add(reason)) {
      System.getLogger(Backends.class.getName())
          .log(level, "computing on the CPU: ".concat(reason));
    }
    return cpu(threads);
  }
}
