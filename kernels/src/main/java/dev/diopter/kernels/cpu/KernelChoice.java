package dev.diopter.kernels.cpu;

/** Which implementation of the CPU loops computes. All give the same bits. */
public enum KernelChoice {
  /**
   * The Vector API where this JVM has it, else the scalar twin, which also computes until the
   * vector code is compiled; the system property {@code diopter.kernels} (auto, vector, scalar)
   * decides otherwise.
   */
  AUTO,
  /** The Vector API; an error where it is not there. */
  VECTOR,
  /** Plain Java. */
  SCALAR
}
