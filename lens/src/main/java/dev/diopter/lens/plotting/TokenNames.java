package dev.diopter.lens.plotting;

import dev.diopter.engine.Model;
import dev.diopter.models.Tokenizer;
import org.jspecify.annotations.Nullable;

/** Tokens by id, as a {@link TokenFormatter} takes them. */
@FunctionalInterface
public interface TokenNames {

  /** The token of an id; null for an unknown one. */
  @Nullable String token(int id);

  /**
   * Of a model: what its tokens say, with the signs {@code Ġ} and {@code Ċ} for blanks and line
   * ends, whatever its vocabulary writes; as the vocabulary writes them where they hold other
   * control characters; {@code #17} without a tokenizer.
   */
  static TokenNames of(Model model) {
    if (!model.hasTokenizer()) {
      return id -> "#" + id;
    }
    Tokenizer tokenizer = model.tokenizer();
    return id -> {
      String label = tokenizer.label(id).replace(' ', '\u0120').replace('\n', '\u010A');
      String written = label.chars().anyMatch(Character::isISOControl) ? tokenizer.token(id) : null;
      return written == null ? label : written;
    };
  }
}
