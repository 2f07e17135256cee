package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.UsageException;

/**
 * Where vectors go, and how the pass goes on. An immutable value; the model is not its own and is
 * not closed by it.
 *
 * @param model what reads the input
 * @param input what it reads
 * @param positions which positions are written
 * @param layer behind which block
 * @param heads whose mixed values (z) are written; {@link Heads#NONE} for the residual stream
 * @param newTokens how many tokens to generate, greedily; 0 for logits alone
 * @param schedule in which passes the vectors are written
 * @param ignoreEos whether to go on behind an end-of-text token
 */
public record Target(
    Model model,
    Input input,
    Positions positions,
    Layer layer,
    Heads heads,
    int newTokens,
    Schedule schedule,
    boolean ignoreEos) {
  /** New tokens unless told otherwise. */
  public static final int NEW_TOKENS = 10;

  public Target {
    if (newTokens < 0) {
      throw new UsageException("new tokens: expected 0 or more, got " + newTokens);
    }
  }

  /** All positions behind the last block, and ten new tokens. */
  public static Target of(Model model, Prompt prompt) {
    return of(model, Input.of(prompt));
  }

  /** All positions behind the last block, and ten new tokens. */
  public static Target of(Model model, Input input) {
    return from(Source.of(model, input));
  }

  /** All positions of a text behind the last block, and ten new tokens. */
  public static Target of(Model model, String text) {
    return from(Source.of(model, text));
  }

  /** The place of a source, and ten new tokens. */
  public static Target from(Source source) {
    return new Target(
        source.model(),
        source.input(),
        source.positions(),
        source.layer(),
        source.heads(),
        NEW_TOKENS,
        Schedule.PROMPT,
        false);
  }

  /** With another input. */
  public Target with(Input other) {
    return new Target(model, other, positions, layer, heads, newTokens, schedule, ignoreEos);
  }

  /** With other positions. */
  public Target at(Positions other) {
    return new Target(model, input, other, layer, heads, newTokens, schedule, ignoreEos);
  }

  /** With other positions; negative ones count from the end. */
  public Target at(int... others) {
    return at(Positions.at(others));
  }

  /** With another layer. */
  public Target layer(Layer other) {
    return new Target(model, input, positions, other, heads, newTokens, schedule, ignoreEos);
  }

  /** With the output of another block. */
  public Target layer(int block) {
    return layer(Layer.of(block));
  }

  /** With other heads. */
  public Target heads(Heads others) {
    return new Target(model, input, positions, layer, others, newTokens, schedule, ignoreEos);
  }

  /** With another number of new tokens. */
  public Target newTokens(int number) {
    return new Target(model, input, positions, layer, heads, number, schedule, ignoreEos);
  }

  /** With another schedule. */
  public Target schedule(Schedule other) {
    return new Target(model, input, positions, layer, heads, newTokens, other, ignoreEos);
  }

  /** Going on behind end-of-text tokens, as obvs does. */
  public Target ignoringEos() {
    return new Target(model, input, positions, layer, heads, newTokens, schedule, true);
  }

  Slots slots() {
    return Slots.of("target", model, input, positions, layer, heads);
  }
}
