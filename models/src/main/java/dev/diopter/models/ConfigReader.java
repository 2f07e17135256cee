package dev.diopter.models;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Reads the fields of one JSON object and remembers which ones were read, so that at the end every
 * field is accounted for: read, known to change nothing, or refused by name. A field that is null
 * counts as absent.
 */
final class ConfigReader {
  private final String source;
  private final String prefix;
  private final JsonNode object;
  private final Set<String> read = new HashSet<>();

  /**
   * A reader.
   *
   * @param source the file for messages
   * @param prefix what stands before a field's name in messages, with its dot
   * @param object the object to read
   */
  ConfigReader(String source, String prefix, JsonNode object) {
    this.source = source;
    this.prefix = prefix;
    this.object = object;
  }

  /** The field's value; null where it is absent or null. */
  @Nullable JsonNode get(String name) {
    read.add(name);
    JsonNode value = object.get(name);
    return value == null || value.isNull() ? null : value;
  }

  /** A reader of an object inside of this one; null where it is absent. */
  @Nullable ConfigReader child(String name) {
    JsonNode value = get(name);
    if (value == null) {
      return null;
    }
    if (!value.isObject()) {
      throw wrong(name, "an object", value);
    }
    return new ConfigReader(source, prefix + name + ".", value);
  }

  /** A size: a whole number of at least 1. */
  int size(String name) {
    JsonNode value = get(name);
    if (value == null) {
      throw new FormatException(
          "%s: expected %s%s, found none; the file is incomplete".formatted(source, prefix, name));
    }
    return size(name, value);
  }

  /** A size, or what to take where the field is absent. */
  int size(String name, int absent) {
    JsonNode value = get(name);
    return value == null ? absent : size(name, value);
  }

  /** A size that goes by two names, the second one an alias. */
  int aliasedSize(String name, String alias) {
    JsonNode own = get(name);
    JsonNode other = get(alias);
    if (other == null) {
      return size(name);
    }
    if (own != null && size(name, own) != size(alias, other)) {
      throw contradiction(name, own, alias, other);
    }
    return size(alias, other);
  }

  private int size(String name, JsonNode value) {
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
      throw wrong(name, "a whole number from 1 to " + Integer.MAX_VALUE, value);
    }
    return value.intValue();
  }

  /** A finite number, or what to take where the field is absent. */
  double number(String name, double absent) {
    JsonNode value = get(name);
    if (value == null) {
      return absent;
    }
    if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
      throw wrong(name, "a finite number", value);
    }
    return value.doubleValue();
  }

  /** A finite number above zero, or what to take where the field is absent. */
  double positive(String name, double absent) {
    double value = number(name, absent);
    if (!(value > 0)) {
      throw wrong(name, "a number above 0", object.get(name));
    }
    return value;
  }

  /** A finite number above zero that must be there. */
  double positive(String name) {
    if (get(name) == null) {
      throw new FormatException(
          "%s: expected a number %s%s, found none".formatted(source, prefix, name));
    }
    return positive(name, 1);
  }

  /** True or false, or what to take where the field is absent. */
  boolean flag(String name, boolean absent) {
    JsonNode value = get(name);
    if (value == null) {
      return absent;
    }
    if (!value.isBoolean()) {
      throw wrong(name, "true or false", value);
    }
    return value.booleanValue();
  }

  /** A string, or what to take where the field is absent. */
  @Nullable String string(String name, @Nullable String absent) {
    JsonNode value = get(name);
    if (value == null) {
      return absent;
    }
    if (!value.isString()) {
      throw wrong(name, "a string", value);
    }
    return value.stringValue();
  }

  /** One of a few strings. */
  String choice(String name, String absent, List<String> supported) {
    String value = string(name, absent);
    if (value == null || !supported.contains(value)) {
      throw new UnsupportedModelException(
          "%s: %s%s = %s is not supported; supported: %s"
              .formatted(
                  source,
                  prefix,
                  name,
                  OneLine.name(String.valueOf(value)),
                  String.join(", ", supported)));
    }
    return value;
  }

  /** Token ids: one number, a list of numbers, or nothing. */
  Set<Integer> ids(String name) {
    JsonNode value = get(name);
    Set<Integer> ids = new TreeSet<>();
    if (value == null) {
      return ids;
    }
    for (JsonNode id : value.isArray() ? value : List.of(value)) {
      // Some published files say -1 for "none".
      if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < -1) {
        throw wrong(name, "a token id or a list of them", value);
      }
      if (id.intValue() >= 0) {
        ids.add(id.intValue());
      }
    }
    return ids;
  }

  /** Names that were not read. */
  List<String> unread() {
    List<String> names = new ArrayList<>();
    for (String name : object.propertyNames()) {
      if (!read.contains(name)) {
        names.add(name);
      }
    }
    return names;
  }

  /** Refuses every field that is neither read nor harmless nor neutral. */
  void refuseRest(HarmlessFields harmless) {
    for (String name : unread()) {
      JsonNode value = object.get(name);
      if (!harmless.allows(name, value)) {
        throw unsupported(name, value, harmless.isKnown(name) ? "" : "unknown to Diopter; ");
      }
    }
  }

  /** For a field that asks for a computation that does not exist here. */
  UnsupportedModelException unsupported(String name, JsonNode value, String why) {
    return new UnsupportedModelException(
        "%s: %s%s = %s is not supported; %sremove it only if the model computes the same without it"
            .formatted(source, prefix, OneLine.name(name), Json.brief(value), why));
  }

  /** For a field of the wrong kind. */
  FormatException wrong(String name, String expected, @Nullable JsonNode found) {
    return new FormatException(
        "%s: %s%s: expected %s, found %s"
            .formatted(
                source, prefix, name, expected, found == null ? "nothing" : Json.brief(found)));
  }

  /** For two fields that say different things. */
  FormatException contradiction(String first, JsonNode one, String second, JsonNode two) {
    return new FormatException(
        "%s: expected %s%s and %s to agree, found %s and %s"
            .formatted(source, prefix, first, second, Json.brief(one), Json.brief(two)));
  }

  /** For sizes that do not go together. */
  FormatException inconsistent(String what) {
    return new FormatException(source + ": " + what);
  }
}
