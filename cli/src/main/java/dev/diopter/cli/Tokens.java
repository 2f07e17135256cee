package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.formats.Json;
import dev.diopter.models.TokenLabels;
import dev.diopter.models.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Tokens of one model as tables and JSON show them; a model without a tokenizer has only ids. */
final class Tokens {
  private static final HexFormat HEX = HexFormat.ofDelimiter(" ");

  private final @Nullable Tokenizer tokenizer;

  private Tokens(@Nullable Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  static Tokens of(Model model) {
    return new Tokens(model.hasTokenizer() ? model.tokenizer() : null);
  }

  /** For tables: blanks and line ends can be seen. */
  String shown(int id) {
    return tokenizer == null ? "#" + id : Text.visible(tokenizer.label(id));
  }

  /** The same of one token of a sequence, whose neighbours may hold the rest of its character. */
  String shown(int[] ids, int position) {
    return tokenizer == null
        ? "#" + ids[position]
        : Text.visible(TokenLabels.at(tokenizer, ids, position));
  }

  /** The text of ids, or null without a tokenizer. */
  @Nullable String text(int[] ids) {
    return tokenizer == null ? null : tokenizer.decode(ids);
  }

  /** An array of ids. */
  static ArrayNode ids(int[] ids) {
    ArrayNode array = Json.array();
    for (int id : ids) {
      array.add(id);
    }
    return array;
  }

  /** Puts the labels of ids at a key; null without a tokenizer. */
  void putLabels(ObjectNode object, String key, int[] ids) {
    if (tokenizer == null) {
      object.putNull(key);
      return;
    }
    ArrayNode labels = object.putArray(key);
    for (int id : ids) {
      labels.add(tokenizer.label(id));
    }
  }

  /** Puts id, token and, for a token that is no text of its own, its bytes. */
  void putToken(ObjectNode object, int id) {
    object.put("id", id);
    if (tokenizer == null) {
      object.putNull("token");
      return;
    }
    object.put("token", tokenizer.label(id));
    byte[] bytes = tokenizer.bytes(id);
    if (bytes != null && !isUtf8(bytes)) {
      object.put("bytes", HEX.formatHex(bytes));
    }
  }

  private static boolean isUtf8(byte[] bytes) {
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
      return true;
    } catch (CharacterCodingException e) {
      return false;
    }
  }
}
