package dev.diopter.lens.patchscope;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Operation;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.Selection;
import dev.diopter.engine.UsageException;
import dev.diopter.models.Tokenizer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a model reads: tokens, or a soft prompt, which is vectors in the place of token embeddings.
 * Position embeddings are added to both where the model has them. An immutable value.
 *
 * @param prompt the tokens; for a soft prompt id 0 at every position
 * @param embedding what changes token embeddings; {@link HookPlan#NONE} for plain tokens
 * @param soft whether it is a soft prompt
 */
public record Input(Prompt prompt, HookPlan embedding, boolean soft) {
  private static final String EMBED = "hook_embed";

  /** The tokens of a prompt. */
  public static Input of(Prompt prompt) {
    return new Input(prompt, HookPlan.NONE, false);
  }

  /**
   * A soft prompt.
   *
   * @param shape {@code [positions, width]}, or the same behind an axis of 1
   * @param values row by row; copied
   */
  public static Input soft(int[] shape, float... values) {
    boolean batched = shape.length == 3 && shape[0] == 1;
    if (shape.length != 2 && !batched) {
      throw new UsageException(
          "soft prompt: expected shape [positions, width] or [1, positions, width], got "
              + Arrays.toString(shape));
    }
    int rows = shape[shape.length - 2];
    int width = shape[shape.length - 1];
    if (rows < 1 || width < 1 || (long) rows * width != values.length) {
      throw new UsageException(
          "soft prompt: expected %s to hold %d numbers"
              .formatted(Arrays.toString(shape), values.length));
    }
    Operation.Value value = new Operation.Value(new int[] {rows, width}, values.clone());
    HookPlan plan = HookPlan.builder().replace(EMBED, Selection.ALL, value).build();
    return new Input(Prompt.ofIds(new int[rows]), plan, true);
  }

  /** The same tokens with normal noise on the embeddings of some positions. */
  public Input noisy(int[] positions, float standardDeviation, long seed) {
    HookPlan noise =
        HookPlan.builder()
            .noise(EMBED, Selection.ALL.positions(positions), standardDeviation, seed)
            .build();
    return new Input(prompt, embedding.and(noise), soft);
  }

  /** Numbers in each vector of a soft prompt; 0 for tokens. */
  int softWidth() {
    return soft
            && embedding.edits().getFirst().operation()
                instanceof Operation.Replace(Operation.Value value, boolean _)
        ? value.shape()[1]
        : 0;
  }

  /** Number of positions. */
  public int length() {
    return prompt.length();
  }

  /** Its text where it has one; what it is otherwise. */
  public String label() {
    String text = prompt.text();
    return soft
        ? "soft prompt of %d positions".formatted(length())
        : text != null ? text : Arrays.toString(prompt.ids());
  }

  /** Where each token lies in the text; null where there is none to look into. */
  Tokenizer.@Nullable Encoding spans(Model model) {
    String text = prompt.text();
    if (text == null || soft || !model.hasTokenizer()) {
      return null;
    }
    int[] ids = prompt.ids();
    for (boolean template : new boolean[] {true, false}) {
      Tokenizer.Encoding encoding = model.tokenizer().encode(text, template);
      int extra = ids.length - encoding.ids().length;
      if (extra >= 0
          && extra <= 1
          && Arrays.equals(ids, extra, ids.length, encoding.ids(), 0, encoding.ids().length)) {
        return new Tokenizer.Encoding(
            ids, shifted(encoding.starts(), extra), shifted(encoding.ends(), extra));
      }
    }
    return null;
  }

  private static int[] shifted(int[] places, int by) {
    int[] out = new int[places.length + by];
    Arrays.fill(out, 0, by, -1);
    System.arraycopy(places, 0, out, by, places.length);
    return out;
  }
}
