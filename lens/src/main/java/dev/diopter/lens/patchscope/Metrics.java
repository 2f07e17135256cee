package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;

/** Numbers of one row of logits, without state. */
public final class Metrics {
  private Metrics() {}

  /** 1 where an id is among the k largest logits, the lower id first among equals; 0 elsewhere. */
  public static int hit(float[] logits, int id, int k) {
    require(logits, id);
    if (k < 1) {
      throw new UsageException("precision at k: expected 1 or more, got " + k);
    }
    return new Distribution(logits).rank(id) < k ? 1 : 0;
  }

  /** Minus the log-probability of an id in nats, where probabilities below 1e-12 count as that. */
  public static double surprisal(float[] logits, int id) {
    require(logits, id);
    return new Distribution(logits).surprisal(id);
  }

  /** Entropy in nats. */
  public static double entropy(float[] logits) {
    return new Distribution(logits).entropy();
  }

  /** KL(truth || other) in nats. */
  public static double divergence(float[] truth, float[] other) {
    if (truth.length != other.length) {
      throw new UsageException(
          "divergence: expected rows of one length, got %d and %d"
              .formatted(truth.length, other.length));
    }
    return new Distribution(truth).divergence(new Distribution(other));
  }

  private static void require(float[] logits, int id) {
    if (id < 0 || id >= logits.length) {
      throw new UsageException(
          "expected an id from 0 to %d, got %d".formatted(logits.length - 1, id));
    }
  }
}
