package dev.diopter.lens.patterns;

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
}
