package dev.diopter.lens.patchscope;

import dev.diopter.models.Tokenizer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one patch gave. The arrays are this result's own.
 *
 * @param index number in the declared order, from 0
 * @param patch what was done
 * @param route the layers, resolved
 * @param sourcePositions absolute position of each vector
 * @param targetPositions absolute position of each place that was written
 * @param reading the numbers of the position that was read
 * @param logits its row of logits; with {@link Readout#allRows} a row for each position of the
 *     target; empty with {@link Readout#withoutLogits}
 * @param generatedIds new tokens, an end-of-text token included
 * @param stepLogits with {@link Readout#allSteps} the row of logits behind each new token, the
 *     first one's being the last row of the prompt pass; empty otherwise
 */
public record Cell(
    int index,
    Patch patch,
    Mapping.Route route,
    int[] sourcePositions,
    int[] targetPositions,
    Reading reading,
    float[] logits,
    int[] generatedIds,
    List<float[]> stepLogits) {

  /**
   * The same under other layers: a control's cell under those of the patch that it stands beside.
   */
  public Cell under(Mapping.Route other) {
    return new Cell(
        index,
        patch,
        other,
        sourcePositions,
        targetPositions,
        reading,
        logits,
        generatedIds,
        stepLogits);
  }

  /** The new tokens as text, decoded together; null for a model without a tokenizer. */
  public @Nullable String text() {
    if (!patch.target().model().hasTokenizer()) {
      return null;
    }
    Tokenizer tokenizer = patch.target().model().tokenizer();
    return tokenizer.decode(generatedIds);
  }

  /** The target's text and the new tokens; null without a tokenizer. */
  public @Nullable String fullText() {
    String text = text();
    if (text == null) {
      return null;
    }
    Tokenizer tokenizer = patch.target().model().tokenizer();
    return tokenizer.decode(patch.target().input().prompt().ids()) + text;
  }

  /**
   * The most probable token behind every position of the target, as obvs's {@code output}: what a
   * reader of the prompt would expect next, not what was generated. Needs {@link Readout#allRows}.
   */
  public int[] teacherForced() {
    int vocabulary = patch.target().model().config().vocabulary();
    int[] ids = new int[logits.length / vocabulary];
    for (int i = 0; i < ids.length; i++) {
      float[] row = java.util.Arrays.copyOfRange(logits, i * vocabulary, (i + 1) * vocabulary);
      ids[i] = new Distribution(row).best();
    }
    return ids;
  }
}
