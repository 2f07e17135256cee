package dev.diopter.kernels;

import dev.diopter.kernels.cpu.CpuBackend;
import dev.diopter.kernels.cpu.KernelChoice;
import dev.diopter.kernels.reference.ReferenceBackend;

/** Opens backends by name. */
public final class Backends {
  /** More threads than any machine makes use of: a larger number is a mistake. */
  public static final int MOST_THREADS = 1024;

  private Backends() {}

  /**
   * Opens a backend, which the caller closes.
   *
   * @param name {@code reference}, {@code cpu}, {@code cuda}, or {@code auto} for the fastest that
   *     works here
   * @param threads how many threads compute, 0 for all cores; ignored by the reference backend
   * @throws IllegalArgumentException if there is no such backend or this build does not have it
   * @throws IllegalStateException if this machine cannot run it
   */
  public static Backend open(String name, int threads) {
    if (threads < 0 || threads > MOST_THREADS) {
      throw new IllegalArgumentException(
          "expected 0 to %d threads, got %d".formatted(MOST_THREADS, threads));
    }
    return switch (name) {
      case "reference" -> new ReferenceBackend();
      case "cpu", "auto" -> CpuBackend.create(KernelChoice.AUTO, threads);
      case "cuda" ->
          throw new IllegalArgumentException(
              "cuda is not available: this build has no CUDA backend");
      default ->
          throw new IllegalArgumentException(
              "expected a backend of auto, cpu, cuda or reference, got " + name);
    };
  }
}
