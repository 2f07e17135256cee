package dev.diopter.engine;

import java.util.Arrays;

/**
 * The steps of a generation at which a read or edit acts. Step 0 is the pass over the prompt, step
 * t the pass over the t-th new token.
 */
public final class Steps {
  /** The pass over the prompt alone: the default. */
  public static final Steps PROMPT = new Steps(new int[] {0});

  /** Every pass. */
  public static final Steps ALL = new Steps(new int[0]);

  private final int[] steps; // empty: all

  private Steps(int[] steps) {
    this.steps = steps;
  }

  /** Chosen steps. */
  public static Steps of(int... steps) {
    if (steps.length == 0) {
      throw new UsageException("steps: expected at least one step or \"all\", got none");
    }
    int[] sorted = Arrays.stream(steps).sorted().distinct().toArray();
    if (sorted[0] < 0) {
      throw new UsageException("steps: expected numbers from 0, got " + sorted[0]);
    }
    return new Steps(sorted);
  }

  /** Whether a step is among them. */
  public boolean contains(int step) {
    return steps.length == 0 || Arrays.binarySearch(steps, step) >= 0;
  }

  /** True for {@link #ALL}. */
  public boolean isAll() {
    return steps.length == 0;
  }

  /** The chosen steps, ascending; empty for all. */
  public int[] toArray() {
    return steps.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Steps s && Arrays.equals(steps, s.steps);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(steps);
  }

  @Override
  public String toString() {
    return isAll() ? "all" : Arrays.toString(steps);
  }
}
