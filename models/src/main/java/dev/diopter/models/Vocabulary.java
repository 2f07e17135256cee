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
  private static final int MAX_IDS = 1 << 24;

  private static final String BLANK = "\u2581"; // SentencePiece's visible blank

  private String[] tokens = new String[1024];
  private int count;
  private final BitSet added = new BitSet();
  private final BitSet special = new BitSet();
  private boolean byteLevel;
  private boolean visibleBlank;
  private boolean byteFallback;
  private final String source;
  private @Nullable Map<String, Integer> idOfBytes;

  private Vocabulary(String source) {
    this.source = source;
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
    if (byteLevel) {
      byte[] bytes = ByteLevelAlphabet.bytes(token);
      return bytes == null ? token.getBytes(StandardCharsets.UTF_8) : bytes;
    }
    if (byteFallback && token.length() == 6 && token.startsWith("<0x") && token.endsWith(">")) {
      int high = Character.digit(token.charAt(3), 16);
      int low = Character.digit(token.charAt(4), 16);
      if (high >= 0 && low >= 0) {
        return new byte[] {(byte) (high << 4 | low)};
      }
    }
    String text = visibleBlank ? token.replace(BLANK, " ") : token;
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
          boolean fallback = token != null && byteFallback && token.startsWith("<0x");
          if (own != null && fallback == (pass == 1)) {
            idOfBytes.putIfAbsent(key(own), id);
          }
        }
      }
    }
    return idOfBytes.get(key(bytes));
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
        case "decoder", "pre_tokenizer", "normalizer" -> readKinds(parser);
        default -> parser.skipChildren();
      }
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
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals("byte_fallback")) {
        byteFallback = value == JsonToken.VALUE_TRUE;
      } else if (field.equals("vocab") && value == JsonToken.START_OBJECT) {
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String token = parser.currentName();
          parser.nextToken();
          put(id(parser), token);
        }
      } else if (field.equals("vocab") && value == JsonToken.START_ARRAY) {
        readUnigram(parser);
      } else {
        parser.skipChildren();
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

  /** Which parts a pipeline has, at any depth. */
  private void readKinds(JsonParser parser) {
    int depth = 0;
    String field = "";
    for (JsonToken token = parser.currentToken(); ; token = parser.nextToken()) {
      switch (token) {
        case START_OBJECT, START_ARRAY -> depth++;
        case END_OBJECT, END_ARRAY -> depth--;
        case PROPERTY_NAME -> field = parser.currentName();
        case VALUE_STRING -> note(field, parser.getString());
        default -> {}
      }
      if (depth == 0) {
        return;
      }
    }
  }

  private void note(String field, String value) {
    if (field.equals("type")) {
      byteLevel |= value.equals("ByteLevel");
      visibleBlank |= value.equals("Metaspace");
      byteFallback |= value.equals("ByteFallback");
    }
    visibleBlank |= value.equals(BLANK);
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
