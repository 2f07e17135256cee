package dev.diopter.lens.trajectory;

import dev.diopter.engine.UsageException;
import java.util.Arrays;

/**
 * A token for each position that a statistic asks about.
 *
 * @param ids one for each position; {@link #NONE} where there is none, which gives not-a-number
 */
public record Targets(int[] ids) {
  /** Stands for no token. */
  public static final int NONE = -1;

  public Targets {
    ids = ids.clone();
  }

  /** The ids, a copy. */
  @Override
  public int[] ids() {
    return ids.clone();
  }

  /** These tokens. */
  public static Targets of(int... ids) {
    return new Targets(ids);
  }

  /** The token behind each, and none behind the last. */
  public static Targets next(int[] prompt) {
    int[] next = Arrays.copyOfRange(prompt, 1, prompt.length + 1);
    next[prompt.length - 1] = NONE;
    return new Targets(next);
  }

  /** The same token at every position. */
  public static Targets everywhere(int id, int positions) {
    int[] ids = new int[positions];
    Arrays.fill(ids, id);
    return new Targets(ids);
  }

  void check(String what, int positions, int vocabulary) {
    if (ids.length != positions) {
      throw new UsageException(
          "%s: expected one for each of %d positions, got %d"
              .formatted(what, positions, ids.length));
    }
    for (int id : ids) {
      if (id < NONE || id >= vocabulary) {
        throw new UsageException(
            "%s: expected ids of 0 to %d, or -1 for none, got %d"
                .formatted(what, vocabulary - 1, id));
      }
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Targets t && Arrays.equals(ids, t.ids);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(ids);
  }

  @Override
  public String toString() {
    return Arrays.toString(ids);
  }
}
