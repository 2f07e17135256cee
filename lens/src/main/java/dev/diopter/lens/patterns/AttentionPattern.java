package dev.diopter.lens.patterns;

import dev.diopter.formats.FormatException;
import dev.diopter.lens.pictures.Matrix;
import java.util.List;

/**
 * One head's attention over one prompt, to be drawn.
 *
 * @param layer its layer
 * @param head its head
 * @param weights rows queries, columns keys; not to be changed
 * @param tokens the prompt's tokens, without BOS
 */
public record AttentionPattern(int layer, int head, Matrix weights, List<String> tokens) {

  /** Whether row and column 0 are a token in front of the prompt's own. */
  public boolean hasBos() {
    return weights.rows() == tokens.size() + 1;
  }

  /** Whether all weights are numbers. NaN and infinity never are attention. */
  boolean isFinite() {
    return weights.firstNotFinite() < 0;
  }

  /**
   * Lets a pattern pass that can be drawn.
   *
   * @throws FormatException where {@link #isFinite} is false, with the first weight that is none
   */
  void requireFinite() {
    int first = weights.firstNotFinite();
    if (first >= 0) {
      throw new FormatException(
          "expected finite weights, found %s at query %d, key %d; record the prompt again with patterns activations --force"
              .formatted(
                  weights.values()[first], first / weights.columns(), first % weights.columns()));
    }
  }
}
