package dev.diopter.kernels.cpu;

import dev.diopter.kernels.Backend;
import java.util.Arrays;

/**
 * Runs the {@link Battery} in a JVM of its own and prints a hash for each result; {@code open} only
 * opens the backend.
 */
final class BatteryMain {
  private BatteryMain() {}

  public static void main(String[] args) {
    try (Backend backend = CpuBackend.create(KernelChoice.AUTO, 2, 0)) {
      System.out.println("backend=" + backend.describe());
      if (!args[0].equals("open")) {
        Battery.run(backend, Long.parseLong(args[0]))
            .forEach((name, bits) -> System.out.println(name + "=" + Arrays.hashCode(bits)));
      }
    } catch (IllegalStateException | IllegalArgumentException | AssertionError e) {
      System.out.println("error=" + e.getMessage());
    }
  }
}
