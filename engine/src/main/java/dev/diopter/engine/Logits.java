package dev.diopter.engine;

import java.util.Arrays;
import java.util.stream.IntStream;

/** Which rows of logits a run returns. */
public final class Logits {
  /** None; nothing is unembedded unless a hook asks for it. */
  public static final Logits NONE = new Logits(new int[0], false);

  /** The last position: the default. */
  public static final Logits LAST = new Logits(new int[] {-1}, false);

  /** Every position of the pass. */
  public static final Logits ALL = new Logits(new int[0], true);

  private final int[] positions;
  private final boolean all;

  private Logits(int[] positions, boolean all) {
    this.positions = positions;
    this.all = all;
  }

  boolean isNone() {
    return !all && positions.length == 0;
  }

  /** Chosen positions; negative ones count from the end of the prompt. */
  public static Logits at(int... positions) {
    return new Logits(positions.clone(), false);
  }

  /**
   * Absolute positions for a pass over positions {@code from .. to - 1}, ascending, without
   * duplicates.
   */
  int[] resolve(int from, int to) {
    if (all) {
      return IntStream.range(from, to).toArray();
    }
    int[] out = new int[positions.length];
    for (int i = 0; i < out.length; i++) {
      int p = positions[i] < 0 ? to + positions[i] : positions[i];
      if (p < from || p >= to) {
        throw new UsageException(
            "logits: expected positions %d to %d, got %d".formatted(from, to - 1, positions[i]));
      }
      out[i] = p;
    }
    return Arrays.stream(out).sorted().distinct().toArray();
  }
}
