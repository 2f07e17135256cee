package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import java.util.Set;

/**
 * Where vectors come from. An immutable value; the model is not its own and is not closed by it.
 *
 * @param model what reads the input
 * @param input what it reads
 * @param positions at which positions
 * @param layer behind which block
 * @param heads whose mixed values (z); {@link Heads#NONE} for the residual stream
 */
public record Source(Model model, Input input, Positions positions, Layer layer, Heads heads) {

  /** All positions behind the last block. */
  public static Source of(Model model, Prompt prompt) {
    return of(model, Input.of(prompt));
  }

  /** All positions behind the last block. */
  public static Source of(Model model, Input input) {
    return new Source(model, input, Positions.ALL, Layer.LAST, Heads.NONE);
  }

  /** All positions of a text behind the last block. */
  public static Source of(Model model, String text) {
    return of(model, model.prompt(text));
  }

  /** The prompt that obvs takes where none is given, {@code <|endoftext|>}. */
  public static Source of(Model model) {
    return of(model, "<|endoftext|>");
  }

  /** With another input. */
  public Source with(Input other) {
    return new Source(model, other, positions, layer, heads);
  }

  /** With other positions. */
  public Source at(Positions other) {
    return new Source(model, input, other, layer, heads);
  }

  /** With other positions; negative ones count from the end. */
  public Source at(int... others) {
    return at(Positions.at(others));
  }

  /** With another layer. */
  public Source layer(Layer other) {
    return new Source(model, input, positions, other, heads);
  }

  /** With the output of another block. */
  public Source layer(int block) {
    return layer(Layer.of(block));
  }

  /** With other heads. */
  public Source heads(Heads others) {
    return new Source(model, input, positions, layer, others);
  }

  /**
   * The vectors, one for each position, or for each position and head with heads inside: [count,
   * width]. Runs the source; the result is the caller's.
   *
   * @throws dev.diopter.engine.UsageException where the model has no such place
   */
  public float[][] capture() {
    Slots slots = slots();
    int layers = model.config().layers();
    CleanSource clean =
        CleanSource.run(new Resolved.Reader(model, input), Set.of(slots.site(layers)), Set.of());
    float[][] vectors = new float[slots.count()][];
    for (int slot = 0; slot < vectors.length; slot++) {
      vectors[slot] = clean.vector(slots, slot);
    }
    return vectors;
  }

  Slots slots() {
    return Slots.of("source", model, input, positions, layer, heads);
  }
}
