package dev.diopter.engine;

/**
 * How a model is opened.
 *
 * @param backend a name of {@link dev.diopter.kernels.Backends#NAMES}
 * @param threads how many threads compute; 0 for all cores
 */
public record ModelOptions(String backend, int threads) {
  /** The fastest backend that works here, all cores. */
  public static final ModelOptions DEFAULT = new ModelOptions("auto", 0);
}
