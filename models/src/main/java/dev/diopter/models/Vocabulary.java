package dev.diopter.models;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * The tokens of a {@code tokenizer.json} by id, and the bytes that each stands for. Read token by
 * token: the merges, which are most of the file, are skipped.
 */
final class Vocabulary {
  /** Most ids; the largest published vocabularies have a quarter of a million. */
  private static final int MAX_IDS = 1 << 22;

  private String[] tokens = new String[1024];
  private int count;
  private final BitSet added = new BitSet();
  private final BitSet special = new BitSet();
  private boolean byteFallback;
  private final String source;
  private final TokenizerParts parts;
  private @Nullable Map<String, Integer> idOfBytes;

  private Vocabulary(String source) {
    this.source = source;
    this.parts = new TokenizerParts(source);
  }

  /** Reads the vocabulary of a tokenizer file. */
  static Vocabulary read(String source, InputStream in) {
    Vocabulary vocabulary = new Vocabulary(source);
    try (JsonParser parser = Json.tokens(in)) {
      vocabulary.readFile(parser);
    } catch (JacksonException e) {
      throw Json.failure(source, e);
    }
    return vocabulary;
  }

  /** Number of ids. */
  int count() {
    return count;
  }

  /** The token as the file writes it; null for an id that it does not have. */
  @Nullable String token(int id) {
    return id < 0 || id >= tokens.length ? null : tokens[id];
  }

  boolean isSpecial(int id) {
    return id >= 0 && special.get(id);
  }

  /** Ids of special tokens in order. */
  List<Integer> specialIds() {
    return special.stream().boxed().toList();
  }

  /** The bytes of a token; empty for special tokens, null for an id that the file does not have. */
  byte @Nullable [] bytes(int id) {
    String token = token(id);
    if (token == null) {
      return null;
    }
    if (special.get(id)) {
      return new byte[0];
    }
    if (added.get(id)) {
      return token.getBytes(StandardCharsets.UTF_8);
    }
    if (parts.has("ByteLevel")) {
      byte[] bytes = ByteLevelAlphabet.bytes(token);
      return bytes == null ? token.getBytes(StandardCharsets.UTF_8) : bytes;
    }
    int single = fallbackByte(token);
    if (single >= 0) {
      return new byte[] {(byte) single};
    }
    String text = parts.showsBlanks() ? token.replace(TokenizerParts.BLANK, " ") : token;
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /**
   * The lowest id with exactly these bytes, tokens of text before tokens of single bytes; null
   * where there is none.
   */
  synchronized @Nullable Integer idOf(byte[] bytes) {
    if (idOfBytes == null) {
      idOfBytes = HashMap.newHashMap(count);
      for (int pass = 0; pass < 2; pass++) {
        for (int id = 0; id < tokens.length; id++) {
          String token = tokens[id];
          byte[] own = token == null || special.get(id) ? null : bytes(id);
          if (own != null && fallbackByte(token) >= 0 == (pass == 1)) {
            idOfBytes.putIfAbsent(key(own), id);
          }
        }
      }
    }
    return idOfBytes.get(key(bytes));
  }

  /** The byte that a token such as {@code <0xE2>} stands for; -1 for any other token. */
  private int fallbackByte(String token) {
    boolean form = token.length() == 6 && token.startsWith("<0x") && token.endsWith(">");
    if (!form || !(byteFallback || parts.has("ByteFallback"))) {
      return -1;
    }
    int high = Character.digit(token.charAt(3), 16);
    int low = Character.digit(token.charAt(4), 16);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
  }

  /** One character a byte. */
  private static String key(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  private void readFile(JsonParser parser) {
    expectObject(parser.nextToken(), "the file");
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String field = parser.currentName();
      parser.nextToken();
      switch (field) {
        case "added_tokens" -> readAdded(parser);
        case "model" -> readModel(parser);
        case "normalizer", "pre_tokenizer", "post_processor", "decoder" ->
            parts.check(field, Json.tree(parser));
        default -> parser.skipChildren();
      }
    }
    if (parser.nextToken() != null) {
      throw broken("expected one JSON object");
    }
  }

  private void readAdded(JsonParser parser) {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      parser.skipChildren();
      return;
    }
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      expectObject(parser.currentToken(), "added_tokens");
      int id = -1;
      String content = null;
      boolean isSpecial = false;
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String field = parser.currentName();
        JsonToken value = parser.nextToken();
        switch (field) {
          case "id" -> id = id(parser);
          case "content" -> content = value == JsonToken.VALUE_STRING ? parser.getString() : null;
          case "special" -> isSpecial = value == JsonToken.VALUE_TRUE;
          default -> {}
        }
        parser.skipChildren();
      }
      if (content == null || id < 0) {
        throw broken("added_tokens: expected id and content");
      }
      put(id, content);
      added.set(id);
      special.set(id, isSpecial);
    }
  }

  private void readModel(JsonParser parser) {
    expectObject(parser.currentToken(), "model");
    String type = "BPE"; // Old files do not say.
    String prefix = "";
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      switch (field) {
        case "type" -> type = value == JsonToken.VALUE_STRING ? parser.getString() : "";
        case "byte_fallback" -> byteFallback = value == JsonToken.VALUE_TRUE;
        case "continuing_subword_prefix" ->
            prefix = value == JsonToken.VALUE_STRING ? parser.getString() : "";
        case "vocab" -> readTokens(parser);
        default -> {}
      }
      parser.skipChildren();
    }
    if (type.equals("BPE") && !prefix.isEmpty()) {
      // The library cuts the prefix off every second half of a merge, whether it is there or not.
      throw broken("model: expected BPE without continuing_subword_prefix");
    }
  }

  private void readTokens(JsonParser parser) {
    if (parser.currentToken() == JsonToken.START_ARRAY) {
      readUnigram(parser);
    } else if (parser.currentToken() == JsonToken.START_OBJECT) {
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String token = parser.currentName();
        parser.nextToken();
        put(id(parser), token);
      }
    }
  }

  /** Pairs of token and score; the place is the id. */
  private void readUnigram(JsonParser parser) {
    int id = 0;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() != JsonToken.START_ARRAY
          || parser.nextToken() != JsonToken.VALUE_STRING) {
        throw broken("model.vocab: expected pairs of token and score");
      }
      put(id++, parser.getString());
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        parser.skipChildren();
      }
    }
  }

  private int id(JsonParser parser) {
    if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT
        || parser.getNumberType() != JsonParser.NumberType.INT
        || parser.getIntValue() < 0
        || parser.getIntValue() >= MAX_IDS) {
      throw broken("expected ids from 0 to " + (MAX_IDS - 1));
    }
    return parser.getIntValue();
  }

  private void put(int id, String token) {
    if (id >= tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(id + 1, tokens.length * 2));
    }
    if (tokens[id] == null) {
      count++;
      tokens[id] = token;
    } else if (!added.get(id)) {
      tokens[id] = token;
    }
  }

  private void expectObject(@Nullable JsonToken token, String what) {
    if (token != JsonToken.START_OBJECT) {
      throw broken(what + ": expected an object");
    }
  }

  private FormatException broken(String what) {
    return new FormatException(
        source + ": " + what + ", found something else; fetch the tokenizer again");
  }
}
