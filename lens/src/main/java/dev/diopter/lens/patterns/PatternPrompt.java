package dev.diopter.lens.patterns;

import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A prompt as its row of JSON, whose keys keep their order: {@code text}, {@code hash}, {@code
 * meta} and whatever else it came with. Immutable; made from a copy.
 */
public final class PatternPrompt {
  /** The hash names a folder, so it may be nothing but a plain name. */
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_-]{1,200}");

  private final ObjectNode row;

  private PatternPrompt(ObjectNode row) {
    this.row = row;
  }

  /**
   * The prompt of a text.
   *
   * @throws InvalidPromptException where the text cannot be encoded
   */
  public static PatternPrompt of(String text) {
    ObjectNode row = Json.object();
    row.put("text", text);
    row.putObject("meta");
    return of("the prompt", row);
  }

  /**
   * The prompt of a row, with a hash if it has none; a hash that is there stays as it is.
   *
   * @param source where the row came from, for messages
   * @throws InvalidPromptException where it is no row of a prompt
   */
  public static PatternPrompt of(String source, JsonNode row) {
    if (!(row instanceof ObjectNode object) || !row.path("text").isString()) {
      throw new InvalidPromptException(
          "%s: expected an object with a string \"text\", found %s"
              .formatted(source, Json.brief(row)));
    }
    ObjectNode copy = object.deepCopy();
    String hash = hash(source, copy.path("text").stringValue());
    if (!copy.has("hash")) {
      copy.put("hash", hash);
    }
    requirePlain(source, copy.path("hash"));
    return new PatternPrompt(copy);
  }

  private static void requirePlain(String source, JsonNode hash) {
    if (!hash.isString() || !PLAIN.matcher(hash.stringValue()).matches()) {
      throw new InvalidPromptException(
          "%s: expected a \"hash\" of letters, digits, - and _, found %s; leave it out to have it made"
              .formatted(source, Json.brief(hash)));
    }
  }

  /** Whether a name can be a hash, and so the name of a prompt's folder. */
  static boolean isHash(String name) {
    return PLAIN.matcher(name).matches();
  }

  /**
   * The hash of a text: the MD5 of its UTF-8 bytes, in URL-safe base 64 without padding, 22
   * characters. Nothing but the text counts, and all of it.
   *
   * @throws InvalidPromptException where half a surrogate pair stands alone
   */
  public static String hash(String text) {
    return hash("the prompt", text);
  }

  private static String hash(String source, String text) {
    try {
      // String.getBytes would write question marks for what cannot be encoded.
      ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
      MessageDigest digest = MessageDigest.getInstance("MD5");
      digest.update(bytes);
      return Base64.getUrlEncoder().withoutPadding().encodeToString(digest.digest());
    } catch (CharacterCodingException e) {
      throw new InvalidPromptException(
          "%s: expected a text of whole characters, found half a surrogate pair in %s; write the text again"
              .formatted(source, OneLine.quoted(text)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has MD5", e);
    }
  }

  /** Its text. */
  public String text() {
    return row.path("text").stringValue();
  }

  /** Its hash, which names its folder. */
  public String hash() {
    return row.path("hash").stringValue();
  }

  /**
   * Its tokens as the tokenizer's vocabulary writes them, without BOS and other special ones; empty
   * where they are not known yet.
   */
  public List<String> tokens() {
    List<String> tokens = new ArrayList<>();
    for (JsonNode token : row.path("tokens")) {
      tokens.add(token.asString());
    }
    return List.copyOf(tokens);
  }

  /**
   * With these tokens and their number. Others that it has already go: they are those of another
   * model, and would stand at the wrong rows.
   */
  public PatternPrompt withTokens(List<String> tokens) {
    ObjectNode copy = row.deepCopy();
    ArrayNode array = Json.array();
    tokens.forEach(array::add);
    copy.put("n_tokens", array.size());
    copy.set("tokens", array);
    return new PatternPrompt(copy);
  }

  /** Its row, a copy. */
  public ObjectNode row() {
    return row.deepCopy();
  }

  /** Its row, for readers that change nothing. */
  JsonNode json() {
    return row;
  }

  /**
   * Fails where a stored prompt is another one.
   *
   * @throws PatternsMismatchException naming what differs
   */
  public void requireSame(PatternPrompt stored) {
    for (String key : List.of("text", "hash")) {
      if (!row.path(key).equals(stored.row.path(key))) {
        throw new PatternsMismatchException(
            "prompt %s: expected the stored prompt to have the %s %s, found %s; give this one another hash or remove that folder"
                .formatted(
                    hash(), key, Json.brief(row.path(key)), Json.brief(stored.row.path(key))));
      }
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PatternPrompt p && row.equals(p.row);
  }

  @Override
  public int hashCode() {
    return row.hashCode();
  }

  @Override
  public String toString() {
    return hash() + " " + OneLine.quoted(text());
  }
}
