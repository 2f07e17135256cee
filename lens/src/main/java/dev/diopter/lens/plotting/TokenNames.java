package dev.diopter.lens.plotting;

import dev.diopter.engine.Model;
import dev.diopter.models.TokenLabels;
import dev.diopter.models.Tokenizer;
import org.jspecify.annotations.Nullable;

/** Tokens by id, as a {@link TokenFormatter} takes them. */
@FunctionalInterface
public interface TokenNames {

  /** The token of an id by itself; null for an unknown one. */
  @Nullable String token(int id);

  /** The tokens of a sequence, which may show more of each than a token by itself does. */
  default @Nullable String[] tokens(int[] ids) {
    @Nullable String[] tokens = new @Nullable String[ids.length];
    for (int i = 0; i < ids.length; i++) {
      tokens[i] = token(ids[i]);
    }
    return tokens;
  }

  /**
   * Of a model: what its tokens say, those of a sequence by {@link TokenLabels}, with the signs
   * {@code Ġ} and {@code Ċ} for blanks and line ends, whatever its vocabulary writes; as the
   * vocabulary writes them where they hold other control characters; {@code #17} without a
   * tokenizer.
   */
  static TokenNames of(Model model) {
    if (!model.hasTokenizer()) {
      return id -> "#" + id;
    }
    Tokenizer tokenizer = model.tokenizer();
    return new TokenNames() {
      @Override
      public @Nullable String token(int id) {
        return name(id, tokenizer.label(id));
      }

      @Override
      public @Nullable String[] tokens(int[] ids) {
        @Nullable String[] tokens = new @Nullable String[ids.length];
        String[] labels = TokenLabels.of(tokenizer, ids);
        for (int i = 0; i < ids.length; i++) {
          tokens[i] = name(ids[i], labels[i]);
        }
        return tokens;
      }

      private String name(int id, String label) {
        String signed = label.replace(' ', '\u0120').replace('\n', '\u010A');
        String written =
            signed.chars().anyMatch(Character::isISOControl) ? tokenizer.token(id) : null;
        return written == null ? signed : written;
      }
    };
  }
}
