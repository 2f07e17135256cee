package dev.diopter.lens.causal;

import dev.diopter.engine.UsageException;

/**
 * How a causal basis is looked for.
 *
 * @param vectors how many directions; 0 for as many as the stream is wide
 * @param ablation what takes a direction's place
 * @param maxEvaluations how often the energy is computed for one direction at most
 * @param tolerance a search ends when a step changes the energy by less than this share of it
 * @param seed of {@link Ablation#RESAMPLE}
 */
public record BasisOptions(
    int vectors, Ablation ablation, int maxEvaluations, double tolerance, long seed) {

  /** As many directions as the stream is wide, means, 100 evaluations each, 0.0001. */
  public static final BasisOptions DEFAULT = new BasisOptions(0, Ablation.MEAN, 100, 1e-4, 0);

  public BasisOptions {
    if (vectors < 0 || maxEvaluations < 1 || !(tolerance >= 0)) {
      throw new UsageException(
          "causal basis: expected vectors and a tolerance of 0 or more and at least 1 evaluation, got %d, %s and %d"
              .formatted(vectors, tolerance, maxEvaluations));
    }
  }

  /** So many directions. */
  public BasisOptions vectors(int count) {
    return new BasisOptions(count, ablation, maxEvaluations, tolerance, seed);
  }

  /** With this in a direction's place. */
  public BasisOptions ablation(Ablation how) {
    return new BasisOptions(vectors, how, maxEvaluations, tolerance, seed);
  }
}
