package dev.diopter.kernels.cuda;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.BackendException;
import dev.diopter.kernels.Backends;

/** Says what a process of its own finds on its machine. */
final class ProbeMain {
  private ProbeMain() {}

  public static void main(String[] arguments) {
    if (Boolean.getBoolean("probe.noTemporaryFolder")) {
      System.clearProperty("java.io.tmpdir");
    }
    CudaProbe probe = CudaProbe.cached();
    System.out.println("usable=" + probe.usable());
    System.out.println("detail=" + probe.detail());
    System.out.println("advice=" + probe.advice());
    System.out.println("mendable=" + probe.mendable());
    try (Backend backend = Backends.open("auto", 1)) {
      System.out.println("auto=" + backend.name());
    }
    try (Backend backend = Backends.open("auto", 1)) {
      System.out.println("again=" + backend.name()); // and does not say why again
    }
    System.out.println("temporary=" + System.getProperty("java.io.tmpdir"));
    try (Backend backend = Backends.open("cuda", 1)) {
      System.out.println("cuda=" + backend.describe());
    } catch (BackendException e) {
      System.out.println("cuda=" + e.getMessage());
    }
  }
}
