package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What is read from a patched pass. An immutable value.
 *
 * @param top how many of the most probable tokens
 * @param tokens ids whose numbers are wanted whatever their rank
 * @param precisionAt the k of precision at k, beside that at 1
 * @param at which position is read
 * @param allRows whether a cell holds the logits of every position of the target
 * @param allSteps whether a cell holds the logits of every generated token
 * @param logits whether a cell holds the row of logits that it read; many cells are much memory
 */
public record Readout(
    int top,
    List<Integer> tokens,
    int precisionAt,
    At at,
    boolean allRows,
    boolean allSteps,
    boolean logits) {
  /** The ten most probable tokens behind the last position. */
  public static final Readout DEFAULT = new Readout(10, List.of(), 10, At.LAST, false, false, true);

  /** Which position is read. */
  public enum At {
    /** The last of the target. */
    LAST,
    /** The one that is written last. */
    PATCHED
  }

  public Readout {
    tokens = List.copyOf(tokens);
    if (top < 0 || precisionAt < 1) {
      throw new UsageException(
          "readout: expected at least 0 top tokens and precision at 1 or more, got %d and %d"
              .formatted(top, precisionAt));
    }
  }

  /** With so many of the most probable tokens. */
  public Readout top(int number) {
    return new Readout(number, tokens, precisionAt, at, allRows, allSteps, logits);
  }

  /** With these ids. */
  public Readout tokens(int... ids) {
    return new Readout(
        top, Arrays.stream(ids).boxed().toList(), precisionAt, at, allRows, allSteps, logits);
  }

  /**
   * With these words, each of which must be one token; a blank in front matters.
   *
   * @throws UsageException for a word of several tokens
   */
  public Readout words(Model model, List<String> words) {
    List<Integer> ids = new ArrayList<>();
    for (String word : words) {
      Integer id = model.tokenizer().singleToken(word);
      if (id == null) {
        int[] parts = model.tokenizer().encode(word, false).ids();
        throw new UsageException(
            "token '%s': expected one token, found %d (%s); give one of them, or an id"
                .formatted(
                    word,
                    parts.length,
                    String.join(
                        " | ",
                        Arrays.stream(parts).mapToObj(i -> model.tokenizer().label(i)).toList())));
      }
      ids.add(id);
    }
    return new Readout(top, ids, precisionAt, at, allRows, allSteps, logits);
  }

  /** With precision at k. */
  public Readout precisionAt(int k) {
    return new Readout(top, tokens, k, at, allRows, allSteps, logits);
  }

  /** Reading at another position. */
  public Readout at(At where) {
    return new Readout(top, tokens, precisionAt, where, allRows, allSteps, logits);
  }

  /** With the logits of every position. */
  public Readout withAllRows() {
    return new Readout(top, tokens, precisionAt, at, true, allSteps, logits);
  }

  /** With the logits of every generated token. */
  public Readout withAllSteps() {
    return new Readout(top, tokens, precisionAt, at, allRows, true, logits);
  }

  /** Without the row of logits that was read: {@link Cell#logits} is empty. */
  public Readout withoutLogits() {
    return new Readout(top, tokens, precisionAt, at, allRows, allSteps, false);
  }

  /** Rows of logits that a cell holds. */
  long rows(Target target) {
    long prompt = allRows ? target.input().length() : logits ? 1 : 0;
    return prompt + (allSteps ? target.newTokens() : 0);
  }
}
