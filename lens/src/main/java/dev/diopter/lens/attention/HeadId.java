package dev.diopter.lens.attention;

import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;

/**
 * One attention head.
 *
 * @param layer block, from 0
 * @param head head in the block, from 0
 */
public record HeadId(int layer, int head) {

  /**
   * This head, if the model has it.
   *
   * @throws UsageException where it has not
   */
  public HeadId in(DecoderConfig config) {
    require("layer", layer, config.layers());
    require("head", head, config.heads());
    return this;
  }

  private static void require(String what, int number, int count) {
    if (number < 0 || number >= count) {
      throw new UsageException(
          "%s: expected 0 to %d for this model, got %d".formatted(what, count - 1, number));
    }
  }

  /** As in {@code L10H7}. */
  @Override
  public String toString() {
    return "L" + layer + "H" + head;
  }
}
