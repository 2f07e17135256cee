package dev.diopter.kernels;

/** The two normalisations of a residual row. */
public enum NormKind {
  /** {@code (x - mean) / sqrt(mean((x - mean)^2) + eps)}. */
  LAYER,
  /** {@code x / sqrt(mean(x^2) + eps)}. */
  RMS
}
