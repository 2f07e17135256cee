package dev.diopter.formats;

import java.io.Reader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;

/**
 * Reads the JSON header of a Safetensors file token by token, so that a header of the largest
 * allowed size costs no tree, and checks each tensor on its own. What holds between tensors is
 * checked by {@link SafetensorsFile}.
 */
final class SafetensorsHeader {
  /**
   * Most tensors that a file may list, which bounds what a header can cost to some 150 MB;
   * published files list a few thousand.
   */
  static final int MAX_TENSORS = 200_000;

  /** Most axes of a tensor. */
  static final int MAX_AXES = 64;

  private static final String METADATA = "__metadata__";
  private static final int MAX_NAME = 100_000;
  private static final JsonFactory PARSERS =
      Json.factory(
          StreamReadConstraints.builder()
              .maxNestingDepth(8)
              .maxNameLength(MAX_NAME)
              .maxStringLength(SafetensorsFile.MAX_HEADER)
              .build());

  /** A tensor as listed: its bytes are {@code [begin, end)} of the data behind the header. */
  record Listed(String name, TensorType type, List<Long> shape, long begin, long end) {}

  final Map<String, String> metadata = new LinkedHashMap<>();
  final List<Listed> tensors = new ArrayList<>();

  private final String source;

  private SafetensorsHeader(String source) {
    this.source = source;
  }

  /** Reads a header. */
  static SafetensorsHeader read(String source, Reader text) {
    SafetensorsHeader header = new SafetensorsHeader(source);
    try (JsonParser parser = PARSERS.createParser(ObjectReadContext.empty(), text)) {
      header.readAll(parser);
    } catch (JacksonException e) {
      throw Json.failure(source + ": header", e);
    }
    return header;
  }

  private void readAll(JsonParser parser) {
    expect(parser.nextToken(), JsonToken.START_OBJECT, "the header", "an object");
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      parser.nextToken();
      if (name.equals(METADATA)) {
        readMetadata(parser);
      } else {
        if (tensors.size() == MAX_TENSORS) {
          throw broken("expected at most %,d tensors, found more".formatted(MAX_TENSORS));
        }
        tensors.add(readTensor(parser, name));
      }
    }
    if (parser.nextToken() != null) {
      throw broken("expected one JSON object, found more behind it");
    }
  }

  private void readMetadata(JsonParser parser) {
    expect(parser.currentToken(), JsonToken.START_OBJECT, METADATA, "an object");
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      expect(
          parser.nextToken(),
          JsonToken.VALUE_STRING,
          METADATA + "." + OneLine.quoted(name),
          "a string");
      metadata.put(name, parser.getString());
    }
  }

  private Listed readTensor(JsonParser parser, String name) {
    String tensor = "tensor " + OneLine.quoted(name);
    expect(parser.currentToken(), JsonToken.START_OBJECT, tensor, "an object");
    @Nullable TensorType type = null;
    long @Nullable [] shape = null;
    long @Nullable [] offsets = null;
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String field = parser.currentName();
      parser.nextToken();
      switch (field) {
        case "dtype" -> type = readType(parser, tensor);
        case "shape" -> shape = readSizes(parser, tensor + ": shape", MAX_AXES);
        case "data_offsets" -> offsets = readSizes(parser, tensor + ": data_offsets", 2);
        default ->
            throw broken(
                "%s: expected dtype, shape and data_offsets, found %s"
                    .formatted(tensor, OneLine.quoted(field)));
      }
    }
    if (type == null || shape == null || offsets == null) {
      throw broken(
          "%s: expected dtype, shape and data_offsets, found no %s"
              .formatted(
                  tensor, type == null ? "dtype" : shape == null ? "shape" : "data_offsets"));
    }
    if (offsets.length != 2 || offsets[0] > offsets[1]) {
      throw broken(
          "%s: expected data_offsets [begin, end] with begin <= end, found %s"
              .formatted(tensor, Arrays.toString(offsets)));
    }
    checkSpan(tensor, type, shape, offsets[1] - offsets[0]);
    return new Listed(name, type, boxed(shape), offsets[0], offsets[1]);
  }

  private TensorType readType(JsonParser parser, String tensor) {
    expect(parser.currentToken(), JsonToken.VALUE_STRING, tensor + ": dtype", "a string");
    String name = parser.getString();
    for (TensorType type : TensorType.values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    throw broken(
        "%s: expected one of the dtypes %s, found %s"
            .formatted(tensor, Arrays.toString(TensorType.values()), OneLine.quoted(name)));
  }

  private long[] readSizes(JsonParser parser, String what, int most) {
    expect(parser.currentToken(), JsonToken.START_ARRAY, what, "an array");
    long[] sizes = new long[Math.min(most, 8)];
    int count = 0;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      expect(parser.currentToken(), JsonToken.VALUE_NUMBER_INT, what, "whole numbers");
      if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
        throw broken("%s: expected numbers below 2^63, found a larger one".formatted(what));
      }
      long size = parser.getLongValue();
      if (size < 0) {
        throw broken("%s: expected no negative number, found %d".formatted(what, size));
      }
      if (count == most) {
        throw broken("%s: expected at most %d numbers, found more".formatted(what, most));
      }
      if (count == sizes.length) {
        sizes = Arrays.copyOf(sizes, most);
      }
      sizes[count++] = size;
    }
    return Arrays.copyOf(sizes, count);
  }

  private void checkSpan(String tensor, TensorType type, long[] shape, long span) {
    long bits = elements(shape);
    bits = bits < 0 || bits > Long.MAX_VALUE / type.bits() ? -1 : bits * type.bits();
    if (bits < 0 || bits % 8 != 0 || bits / 8 != span) {
      throw broken(
          "%s: expected %s bytes for %s %s, found data_offsets that span %d"
              .formatted(
                  tensor,
                  bits < 0 ? "more than 2^60" : bits % 8 == 0 ? bits / 8 : "a whole number of",
                  type,
                  Arrays.toString(shape),
                  span));
    }
  }

  /**
   * Product of the sizes; -1 where it does not fit a long. A size of zero makes it zero whatever
   * stands beside it.
   */
  private static long elements(long[] shape) {
    long product = 1;
    for (long size : shape) {
      if (size == 0) {
        return 0;
      }
      product = product < 0 || product > Long.MAX_VALUE / size ? -1 : product * size;
    }
    return product;
  }

  private static List<Long> boxed(long[] shape) {
    if (shape.length == 0) {
      return List.of();
    }
    Long[] sizes = new Long[shape.length];
    for (int i = 0; i < shape.length; i++) {
      sizes[i] = shape[i];
    }
    return Collections.unmodifiableList(Arrays.asList(sizes));
  }

  private void expect(@Nullable JsonToken found, JsonToken expected, String what, String kind) {
    if (found != expected) {
      throw broken("%s: expected %s, found %s".formatted(what, kind, kind(found)));
    }
  }

  private static String kind(@Nullable JsonToken token) {
    if (token == null) {
      return "nothing";
    }
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "an array";
      case VALUE_STRING -> "a string";
      case VALUE_NUMBER_INT -> "a whole number";
      case VALUE_NUMBER_FLOAT -> "a number with a fraction or exponent";
      case VALUE_NULL -> "null";
      default -> "true or false";
    };
  }

  private FormatException broken(String what) {
    return new FormatException(
        "%s: header: %s; the file is damaged or not Safetensors, fetch or write it again"
            .formatted(source, what));
  }
}
