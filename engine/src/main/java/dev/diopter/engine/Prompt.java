package dev.diopter.engine;

import dev.diopter.models.ModelException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Token ids to run, as a value. What text they came from is kept for display only.
 *
 * @param ids at least one id
 * @param text the text, or null where the ids were given
 * @param key what noise is keyed by: a sequence with the same key gets the same noise alone and in
 *     every batch
 */
public record Prompt(int[] ids, @Nullable String text, long key) {

  public Prompt {
    if (ids.length == 0) {
      throw new ModelException(
          "the prompt is empty: expected at least one token; give some text or ids, or --bos");
    }
    ids = ids.clone();
  }

  /** The ids, a copy. */
  @Override
  public int[] ids() {
    return ids.clone();
  }

  /** Ids as they are. */
  public static Prompt ofIds(int... ids) {
    return new Prompt(ids, null, Arrays.hashCode(ids));
  }

  /** Ids and the text that they came from. */
  public static Prompt of(String text, int... ids) {
    return new Prompt(ids, text, Arrays.hashCode(ids));
  }

  /** The same prompt with another noise key. */
  public Prompt withKey(long other) {
    return new Prompt(ids, text, other);
  }

  /** Number of tokens. */
  public int length() {
    return ids.length;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Prompt p && Arrays.equals(ids, p.ids) && key == p.key;
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(ids);
  }

  @Override
  public String toString() {
    return text == null ? Arrays.toString(ids) : '"' + text + "\" " + Arrays.toString(ids);
  }
}
