package dev.diopter.engine;

import dev.diopter.models.WeightProcessing;

/**
 * How a model is opened.
 *
 * @param backend a name of {@link dev.diopter.kernels.Backends#NAMES}
 * @param threads how many threads compute; 0 for all cores
 * @param processing what is done to the weights first; steps that change nothing in a model are
 *     left out
 */
public record ModelOptions(String backend, int threads, WeightProcessing processing) {
  /** The fastest backend that works here, all cores. */
  public static final ModelOptions DEFAULT = new ModelOptions("auto", 0);

  /** With weights as they are stored. */
  public ModelOptions(String backend, int threads) {
    this(backend, threads, WeightProcessing.NONE);
  }

  /** The same with another processing of the weights. */
  public ModelOptions withProcessing(WeightProcessing other) {
    return new ModelOptions(backend, threads, other);
  }
}
