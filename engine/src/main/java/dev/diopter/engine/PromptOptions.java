package dev.diopter.engine;

/**
 * Which tokens a text gets besides its own. Nothing is added that is not asked for here.
 *
 * @param bos put the model's BOS id in front unless it is there already; an error when the model
 *     has none
 * @param template add the special tokens of the tokenizer's own template
 */
public record PromptOptions(boolean bos, boolean template) {
  /** What the tokenizer's template says, and no more. */
  public static final PromptOptions DEFAULT = new PromptOptions(false, true);

  /** The template, and BOS in front. */
  public static final PromptOptions BOS = new PromptOptions(true, true);
}
