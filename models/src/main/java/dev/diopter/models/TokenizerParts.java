package dev.diopter.models;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.OneLine;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import tools.jackson.databind.JsonNode;

/**
 * The steps of a tokenizer - normalizer, pre-tokenizer, post-processor, decoder - as far as they
 * must be known here: which there are, and that the native library can be given them. That library
 * ends the whole process at some mistakes in a file instead of reporting them, so those are found
 * here first.
 */
final class TokenizerParts {
  /** SentencePiece's visible blank. */
  static final String BLANK = "\u2581";

  private static final Map<String, Set<String>> KNOWN =
      Map.of(
          "normalizer",
          Set.of(
              "BertNormalizer",
              "ByteLevel",
              "Lowercase",
              "NFC",
              "NFD",
              "NFKC",
              "NFKD",
              "Nmt",
              "Precompiled",
              "Prepend",
              "Replace",
              "Sequence",
              "Strip",
              "StripAccents"),
          "pre_tokenizer",
          Set.of(
              "BertPreTokenizer",
              "ByteLevel",
              "CharDelimiterSplit",
              "Digits",
              "FixedLength",
              "Metaspace",
              "Punctuation",
              "Sequence",
              "Split",
              "UnicodeScripts",
              "Whitespace",
              "WhitespaceSplit"),
          "post_processor",
          Set.of(
              "BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing"),
          "decoder",
          Set.of(
              "BPEDecoder",
              "ByteFallback",
              "ByteLevel",
              "CTC",
              "Fuse",
              "Metaspace",
              "Replace",
              "Sequence",
              "Strip",
              "WordPiece"));

  private final String source;
  private final Set<String> types = new HashSet<>();
  private boolean showsBlanks;

  TokenizerParts(String source) {
    this.source = source;
  }

  /** Whether some step is of this type. */
  boolean has(String type) {
    return types.contains(type);
  }

  /** Whether blanks are written as {@link #BLANK} in the vocabulary. */
  boolean showsBlanks() {
    return showsBlanks || types.contains("Metaspace");
  }

  /**
   * Takes a step in.
   *
   * @param kind its field in the file
   * @param step its value; null and absent steps do nothing
   * @throws FormatException where the native library does not know it or would fail at it
   */
  void check(String kind, JsonNode step) {
    checkValues(kind, step);
    if (!step.isNull()) {
      checkStep(kind, step);
    }
  }

  private void checkStep(String kind, JsonNode step) {
    String type = step.path("type").asString("");
    Set<String> known = KNOWN.getOrDefault(kind, Set.of());
    if (!known.contains(type)) {
      throw broken("%s: the type %s is not known".formatted(kind, OneLine.quoted(type)));
    }
    types.add(type);
    switch (type) {
      case "Sequence" -> {
        for (JsonNode list : step) {
          if (list.isArray()) {
            list.forEach(inner -> checkStep(kind, inner));
          }
        }
      }
      case "TemplateProcessing" -> checkTemplate(kind, step);
      case "Precompiled" -> checkPrecompiled(kind, step.path("precompiled_charsmap").asString(""));
      case "FixedLength" -> {
        if (step.path("length").asInt(0) < 1) {
          throw broken(kind + ": pieces of no length");
        }
      }
      case "Prepend" -> {
        if (step.path("prepend").asString("x").isEmpty()) {
          throw broken(kind + ": nothing to prepend");
        }
      }
      case "Replace" -> {
        JsonNode pattern = step.path("pattern");
        if (pattern.path("String").asString("x").isEmpty()
            || findsNothing(pattern.path("Regex").asString("x"))) {
          throw broken(kind + ": a pattern to replace that matches the empty text");
        }
      }
      default -> {}
    }
  }

  /** A guess where the library's own syntax differs; its patterns are not used here. */
  private static boolean findsNothing(String regex) {
    try {
      return regex.isEmpty() || Pattern.compile(regex).matcher("").matches();
    } catch (PatternSyntaxException e) {
      return false;
    }
  }

  /** Base64 of the length of a table, the table, and text. */
  private void checkPrecompiled(String kind, String map) {
    try {
      ByteBuffer bytes =
          ByteBuffer.wrap(Base64.getDecoder().decode(map)).order(ByteOrder.LITTLE_ENDIAN);
      int length = bytes.remaining() < Integer.BYTES ? -1 : bytes.getInt();
      if (length < Integer.BYTES || length % Integer.BYTES != 0 || length > bytes.remaining()) {
        throw broken(kind + ": a damaged precompiled_charsmap");
      }
    } catch (IllegalArgumentException e) {
      throw broken(kind + ": a precompiled_charsmap that is not base64");
    }
  }

  /** Every special token of a template must be described. */
  private void checkTemplate(String kind, JsonNode step) {
    JsonNode described = step.path("special_tokens");
    for (String form : new String[] {"single", "pair"}) {
      for (JsonNode piece : step.path(form)) {
        JsonNode id = piece.path("SpecialToken").path("id");
        if (id.isString() && !described.has(id.stringValue())) {
          throw broken(
              "%s: special_tokens has no %s".formatted(kind, OneLine.quoted(id.stringValue())));
        }
      }
    }
  }

  /** Halves of surrogate pairs and numbers without end make the library fail. */
  private void checkValues(String kind, JsonNode value) {
    if (value.isString()) {
      String text = value.stringValue();
      showsBlanks |= text.equals(BLANK);
      if (!isWellFormed(text)) {
        throw broken(kind + ": half of a surrogate pair in a string");
      }
    } else if (value.isNumber()
        && !(value.isIntegralNumber()
            ? value.canConvertToLong()
            : Double.isFinite(value.doubleValue()))) {
      throw broken(kind + ": a number beyond 64 bits");
    }
    if (value.isObject()) {
      value
          .propertyNames()
          .forEach(name -> {
            if (!isWellFormed(name)) {
              throw broken(kind + ": half of a surrogate pair in a name");
            }
          });
    }
    for (JsonNode inner : value) {
      checkValues(kind, inner);
    }
  }

  static boolean isWellFormed(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        return false;
      }
    }
    return true;
  }

  private FormatException broken(String what) {
    return new FormatException(
        "%s: expected a tokenizer in the Hugging Face format, found this: %s; fetch it again"
            .formatted(source, what));
  }
}
