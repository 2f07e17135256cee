package dev.diopter.engine;

import java.util.List;
import java.util.Locale;

/**
 * What one prompt's generation gave. The arrays are this result's own.
 *
 * @param promptIds the ids of the prompt
 * @param ids the new ids, an end-of-text token included
 * @param stopped why it ended
 * @param steps what each pass read, by step: step 0 is the pass over the prompt and chose the first
 *     new token
 */
public record GenerationResult(int[] promptIds, int[] ids, Stop stopped, List<RunResult> steps) {

  /** Why a generation ended. */
  public enum Stop {
    EOS,
    LENGTH,
    CONTEXT;

    /** The word used in results. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
