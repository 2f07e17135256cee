package dev.diopter.models;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Text to token ids and back, without hidden tokens: nothing is added but what the tokenizer's own
 * template says, and that only when asked. Thread safe; closed with its model.
 */
public interface Tokenizer extends AutoCloseable {

  /**
   * The ids of a text. Never truncates.
   *
   * @param template whether the special tokens of the tokenizer's own template are added
   */
  Encoding encode(String text, boolean template);

  /**
   * The exact bytes that an id stands for; empty for special tokens that stand for no text, null
   * for an id that it does not know.
   */
  byte @Nullable [] bytes(int id);

  /**
   * The text of a list of ids: their bytes joined and decoded as UTF-8, malformed parts replaced.
   * Special tokens as their names.
   */
  String decode(int[] ids);

  /**
   * The label of one id for tables and files: its bytes as text where they are valid UTF-8,
   * otherwise their byte-level form. Never loses information about which token it was.
   */
  String label(int id);

  /**
   * The token of an id as the vocabulary writes it, which for byte-level tokenizers is its bytes in
   * their alphabet ({@code Ġthe}); null for an id that it does not know.
   */
  @Nullable String token(int id);

  /**
   * The one id whose bytes are exactly the text's, or the special token of that name; null where
   * the text is not one token. A blank in front matters.
   */
  @Nullable Integer singleToken(String text);

  /** Number of ids that it knows. */
  int size();

  /** Ids of special tokens. */
  List<Integer> specialIds();

  @Override
  void close();

  /**
   * Ids and where each lies in the text.
   *
   * @param ids token ids
   * @param starts UTF-16 index of each token's first character in the text; -1 for tokens of the
   *     template
   * @param ends UTF-16 index behind each token's last character; -1 for tokens of the template
   */
  record Encoding(int[] ids, int[] starts, int[] ends) {}
}
