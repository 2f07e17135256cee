package dev.diopter.engine;

import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelException;
import java.util.Arrays;
import java.util.List;

/**
 * Where the tokens of a generation are decoded from instead of the model's own end: the pass of
 * each step stops at a hook point, and the last position's row that is read there, after all edits,
 * becomes the next token's logits.
 *
 * @param hook the full name of a point with a row of the model's width for each position, such as
 *     {@code blocks.3.hook_resid_pre}
 * @param head what makes logits of such a row
 */
public record EarlyExit(String hook, Head head) {

  /** Makes logits. */
  @FunctionalInterface
  public interface Head {
    /**
     * Logits of a row.
     *
     * @param row [width], the function's own
     * @return [vocabulary], given away
     */
    float[] logits(float[] row);
  }

  /** The point's name, where a model has it. */
  String checked(DecoderConfig config) {
    for (HookPoint point : HookRegistry.points(config)) {
      if (point.name().equals(hook)) {
        if (!point.site().axes().equals(List.of(Axis.POS, Axis.MODEL))) {
          throw new UsageException(
              "early exit at %s: expected a point of shape [pos, model], got %s"
                  .formatted(hook, HookRegistry.shape(point.site())));
        }
        return hook;
      }
    }
    throw new UsageException(
        "early exit: expected the name of a hook point of the model, such as blocks.0.hook_resid_pre, got '%s'"
            .formatted(hook));
  }

  /** Logits of the last position of a pass that read the point. */
  float[] logits(RunResult step, DecoderConfig config) {
    float[] rows = step.activation(hook).values();
    float[] logits =
        head.logits(Arrays.copyOfRange(rows, rows.length - config.width(), rows.length));
    if (logits.length != config.vocabulary()) {
      throw new ModelException(
          "early exit at %s: expected %d logits, got %d"
              .formatted(hook, config.vocabulary(), logits.length));
    }
    return logits;
  }
}
