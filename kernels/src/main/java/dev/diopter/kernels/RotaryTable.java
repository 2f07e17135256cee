package dev.diopter.kernels;

/**
 * Cosines and sines of position times inverse frequency, computed in double and rounded once to
 * float32. Grows by itself as positions are asked for; shared by threads.
 */
public interface RotaryTable {
  /** Number of inverse frequencies: half of the rotated width. */
  int pairs();
}
