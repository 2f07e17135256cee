package dev.diopter.lens.tuned.training;

import dev.diopter.engine.UsageException;
import java.util.Locale;

/** What a lens is trained to make small. */
public enum LensLoss {
  /** The divergence of the lens's prediction from the model's: {@code sum p (log p - log q)}. */
  KL(0),
  /** The cross-entropy of the next token: {@code -log q(next)}. */
  CE(1);

  private final int shift;

  LensLoss(int shift) {
    this.shift = shift;
  }

  /** Positions between a prediction and what it is compared with, unless said otherwise. */
  public int shift() {
    return shift;
  }

  /** Its name on the command line. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The loss of that name.
   *
   * @throws UsageException if there is none
   */
  public static LensLoss of(String label) {
    for (LensLoss loss : values()) {
      if (loss.label().equals(label)) {
        return loss;
      }
    }
    throw new UsageException("loss: expected kl or ce, got '%s'".formatted(label));
  }
}
