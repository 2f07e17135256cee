package dev.diopter.formats;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.Reader;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.PrettyPrinter;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.core.util.Separators;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The one place where JSON is read and written.
 *
 * <p>Reading is strict: UTF-8 without malformed parts, no duplicate keys at any level, nothing
 * behind the value, and bounds on size, depth and number of values. Whatever breaks these rules is
 * a {@link FormatException} of one line. Not-a-number and the infinities are the strings {@code
 * "NaN"}, {@code "Infinity"} and {@code "-Infinity"} in both directions.
 *
 * <p>Trees are built from tokens by this class: an object mapper would cost a tenth of a second at
 * every start.
 */
public final class Json {
  /** Most bytes of a document that is read as a tree. */
  public static final long MAX_BYTES = 128L << 20;

  /** Deepest nesting. */
  public static final int MAX_DEPTH = 100;

  /** Characters of a number: shorter ones fit a double, so that reading one cannot overflow. */
  public static final int MAX_DIGITS = 300;

  /**
   * Most tokens (names, values, brackets) of a document that is read as a tree, which bounds the
   * tree's memory.
   */
  public static final long MAX_TOKENS = 4_000_000;

  private static final JsonFactory TREES =
      factory(
          StreamReadConstraints.builder()
              .maxDocumentLength(MAX_BYTES)
              .maxNestingDepth(MAX_DEPTH)
              .maxNumberLength(MAX_DIGITS)
              .maxTokenCount(MAX_TOKENS)
              .build());

  private static final JsonFactory STREAMS =
      factory(
          StreamReadConstraints.builder()
              .maxDocumentLength(MAX_BYTES)
              .maxNestingDepth(MAX_DEPTH)
              .maxNumberLength(MAX_DIGITS)
              .build());

  private Json() {}

  /** A strict factory with bounds of its own, for readers of this package that need no tree. */
  static JsonFactory factory(StreamReadConstraints bounds) {
    return JsonFactory.builder()
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        // Names of hostile files must not fill a table that all parsers share.
        .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
        .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
        .streamReadConstraints(bounds)
        .build();
  }

  /**
   * Reads a file.
   *
   * @throws FormatException where it cannot be read or is not one JSON value
   */
  public static JsonNode read(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return read(file.toString(), in);
    } catch (NoSuchFileException e) {
      throw new FormatException(file + ": expected a JSON file, found none", e);
    } catch (IOException e) {
      throw new FormatException(file + ": cannot be read: " + OneLine.reason(e), e);
    }
  }

  /**
   * Reads a stream to its end, without closing it.
   *
   * @param source name of the document for messages
   * @throws FormatException where it is not one JSON value
   */
  public static JsonNode read(String source, InputStream in) {
    return read(source, strictUtf8(in));
  }

  /**
   * Reads a text.
   *
   * @param source name of the document for messages
   * @throws FormatException where it is not one JSON value
   */
  public static JsonNode read(String source, String text) {
    return read(source, new StringReader(text));
  }

  /**
   * Reads bytes.
   *
   * @param source name of the document for messages
   * @throws FormatException where they are not one JSON value
   */
  public static JsonNode read(String source, byte[] bytes) {
    return read(source, new ByteArrayInputStream(bytes));
  }

  private static JsonNode read(String source, Reader reader) {
    try (JsonParser parser = TREES.createParser(ObjectReadContext.empty(), reader)) {
      JsonToken first = parser.nextToken();
      if (first == null) {
        throw new FormatException(
            source + ": expected JSON, found an empty document; write it again");
      }
      JsonNode tree = tree(parser);
      if (parser.nextToken() != null) {
        throw new FormatException(
            "%s: expected one JSON value, found more behind it at line %d; remove what follows"
                .formatted(source, parser.currentTokenLocation().getLineNr()));
      }
      return tree;
    } catch (JacksonException e) {
      throw failure(source, e);
    }
  }

  /** The value that starts at a parser's current token; afterwards its last token is current. */
  public static JsonNode tree(JsonParser parser) {
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    return switch (parser.currentToken()) {
      case START_OBJECT -> objectTree(parser);
      case START_ARRAY -> arrayTree(parser);
      case VALUE_STRING -> nodes.stringNode(parser.getString());
      case VALUE_NUMBER_INT ->
          switch (parser.getNumberType()) {
            case INT -> nodes.numberNode(parser.getIntValue());
            case LONG -> nodes.numberNode(parser.getLongValue());
            default -> nodes.numberNode(parser.getBigIntegerValue());
          };
      case VALUE_NUMBER_FLOAT -> nodes.numberNode(parser.getDoubleValue());
      case VALUE_TRUE -> nodes.booleanNode(true);
      case VALUE_FALSE -> nodes.booleanNode(false);
      default -> nodes.nullNode();
    };
  }

  private static ObjectNode objectTree(JsonParser parser) {
    ObjectNode object = object();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      parser.nextToken();
      object.set(name, tree(parser));
    }
    return object;
  }

  private static ArrayNode arrayTree(JsonParser parser) {
    ArrayNode array = array();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      array.add(tree(parser));
    }
    return array;
  }

  /** The value in one line. */
  public static String compact(JsonNode value) {
    return text(value, false);
  }

  /**
   * The value with one member of an object a line, indented by two blanks, and arrays in one line.
   */
  public static String pretty(JsonNode value) {
    return text(value, true);
  }

  private static String text(JsonNode value, boolean pretty) {
    StringWriter text = new StringWriter();
    try (JsonGenerator generator = TREES.createGenerator(context(pretty), text)) {
      write(value, generator);
    }
    return text.toString();
  }

  /** Writes the value as UTF-8 and a line end; the stream stays open. */
  public static void write(JsonNode value, OutputStream out, boolean pretty) throws IOException {
    out.write(text(value, pretty).getBytes(StandardCharsets.UTF_8));
    out.write('\n');
  }

  /** Writes a file that appears whole or not at all. */
  public static void write(JsonNode value, Path file, boolean pretty) {
    AtomicFile.write(file, out -> write(value, out, pretty));
  }

  private static void write(JsonNode value, JsonGenerator out) {
    switch (value.getNodeType()) {
      case OBJECT -> {
        out.writeStartObject();
        value.forEachEntry((name, member) -> {
          out.writeName(name);
          write(member, out);
        });
        out.writeEndObject();
      }
      case ARRAY -> {
        out.writeStartArray();
        for (JsonNode element : value) {
          write(element, out);
        }
        out.writeEndArray();
      }
      case STRING -> out.writeString(value.stringValue());
      case BOOLEAN -> out.writeBoolean(value.booleanValue());
      case NUMBER -> writeNumber(value, out);
      case NULL -> out.writeNull();
      default ->
          throw new IllegalArgumentException("expected plain JSON, got a " + value.getNodeType());
    }
  }

  private static void writeNumber(JsonNode value, JsonGenerator out) {
    switch (value.numberType()) {
      case INT -> out.writeNumber(value.intValue());
      case LONG -> out.writeNumber(value.longValue());
      case BIG_INTEGER -> out.writeNumber(value.bigIntegerValue());
      case BIG_DECIMAL -> out.writeNumber(value.decimalValue());
      // The generator's default writes NaN and the infinities as strings.
      case FLOAT -> out.writeNumber(value.floatValue());
      default -> out.writeNumber(value.doubleValue());
    }
  }

  /**
   * A number, or one of the strings that stand for what JSON has no number for.
   *
   * @return null where the value is neither
   */
  public static @Nullable Double number(JsonNode value) {
    if (value.isNumber()) {
      return value.doubleValue();
    }
    if (!value.isString()) {
      return null;
    }
    return switch (value.stringValue()) {
      case "NaN" -> Double.NaN;
      case "Infinity" -> Double.POSITIVE_INFINITY;
      case "-Infinity" -> Double.NEGATIVE_INFINITY;
      default -> null;
    };
  }

  /** The value in one line, cut to what fits a message. */
  public static String brief(JsonNode value) {
    String line = compact(value);
    return line.length() <= 80 ? line : line.substring(0, 77) + "...";
  }

  /** A new empty object. */
  public static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }

  /** A new empty array. */
  public static ArrayNode array() {
    return JsonNodeFactory.instance.arrayNode();
  }

  /**
   * The tokens of a document, under the same rules, for documents of which a tree would be a waste.
   * The parser throws {@link JacksonException}, which {@link #failure} turns into one line.
   */
  public static JsonParser tokens(InputStream in) {
    return STREAMS.createParser(ObjectReadContext.empty(), strictUtf8(in));
  }

  /** Decodes UTF-8 and fails at malformed bytes, where the library would guess another encoding. */
  static Reader strictUtf8(InputStream in) {
    return new InputStreamReader(
        in,
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT));
  }

  /** What a parser reported, in one line. */
  public static FormatException failure(String source, JacksonException e) {
    if (e.getCause() instanceof CharacterCodingException) {
      return new FormatException(
          source + ": expected UTF-8, found malformed bytes; write it again", e);
    }
    String what =
        e.getOriginalMessage() == null ? e.getClass().getSimpleName() : e.getOriginalMessage();
    String where =
        e.getLocation() == null || e.getLocation().getLineNr() < 1
            ? ""
            : " at line %d, column %d"
                .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
    return new FormatException(
        "%s: expected valid JSON, found this%s: %s".formatted(source, where, OneLine.brief(what)),
        e);
  }

  private static ObjectWriteContext context(boolean pretty) {
    return pretty ? PRETTY : ObjectWriteContext.empty();
  }

  private static final ObjectWriteContext PRETTY =
      new ObjectWriteContext.Base() {
        @Override
        public boolean hasPrettyPrinter() {
          return true;
        }

        @Override
        public PrettyPrinter getPrettyPrinter() {
          return new DefaultPrettyPrinter(
                  Separators.createDefaultInstance()
                      .withObjectNameValueSpacing(Separators.Spacing.AFTER)
                      .withArrayElementSpacing(Separators.Spacing.AFTER)
                      .withArrayEmptySeparator("")
                      .withObjectEmptySeparator(""))
              .withObjectIndenter(new DefaultIndenter("  ", "\n"))
              .withArrayIndenter(DefaultPrettyPrinter.NopIndenter.instance());
        }
      };
}
