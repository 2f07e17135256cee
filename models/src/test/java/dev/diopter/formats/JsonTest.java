package dev.diopter.formats;

import static dev.diopter.formats.Messages.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class JsonTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "null",
        "true",
        "\"\"",
        "0",
        "-1",
        "2147483648",
        "123456789012345678901234567890",
        "1.5",
        "1.0E-30",
        "{\"a\":[1,2.5,{\"b\":null}],\"\":\"\\\"\\\\ ü 🙂\"}"
      })
  void readAndCompact_anyValue_isTheSameText(String text) {
    assertThat(Json.compact(Json.read("x", text))).isEqualTo(text);
  }

  @Test
  void read_numbers_keepTheirKind() {
    JsonNode tree = Json.read("x", "[1, 2147483648, 123456789012345678901234567890, 1.0]");
    assertThat(tree.get(0).isInt()).isTrue();
    assertThat(tree.get(1).isLong()).isTrue();
    assertThat(tree.get(2).bigIntegerValue())
        .isEqualTo(new BigInteger("123456789012345678901234567890"));
    assertThat(tree.get(3).isIntegralNumber()).isFalse();
  }

  static Stream<Arguments> brokenTexts() {
    return Stream.of(
        arguments("", "empty document"),
        arguments(" \n ", "empty document"),
        arguments("{", "valid JSON"),
        arguments("{\"a\":1,}", "valid JSON"),
        arguments("[1 2]", "valid JSON"),
        arguments("{'a':1}", "valid JSON"),
        arguments("{a:1}", "valid JSON"),
        arguments("NaN", "valid JSON"),
        arguments("[Infinity]", "valid JSON"),
        arguments("01", "valid JSON"),
        arguments("+1", "valid JSON"),
        arguments("1.", "valid JSON"),
        arguments("// x\n1", "valid JSON"),
        arguments("\"a\nb\"", "valid JSON"),
        arguments("1 2", "more behind it"),
        arguments("{} x", "valid JSON"),
        arguments("{\"a\":1,\"a\":2}", "Duplicate"),
        arguments("[{\"x\":{\"a\":1,\"b\":2,\"c\":3,\"a\":4}}]", "Duplicate"),
        arguments("[".repeat(101) + "]".repeat(101), "epth"),
        arguments("1" + "0".repeat(2000), "length"),
        arguments("\uFEFF{}", "valid JSON"));
  }

  @ParameterizedTest
  @MethodSource("brokenTexts")
  void read_brokenText_isRefusedInOneLine(String text, String part) {
    assertRefused(() -> Json.read("file.json", text), "file.json", part);
    assertRefused(() -> Json.read("file.json", text.getBytes(StandardCharsets.UTF_8)), "file.json");
  }

  @Test
  void read_otherEncodings_areRefused() {
    assertRefused(() -> Json.read("x", new byte[] {'"', (byte) 0xFF, '"'}), "UTF-8");
    assertRefused(() -> Json.read("x", new byte[] {'"', (byte) 0xC0, (byte) 0x80, '"'}), "UTF-8");
    assertRefused(() -> Json.read("x", "{\"a\":1}".getBytes(StandardCharsets.UTF_16LE)), "x");
    assertRefused(() -> Json.read("x", "{\"a\":1}".getBytes(StandardCharsets.UTF_16)), "UTF-8");
  }

  @Test
  void read_endlessInput_isRefusedAtTheBounds() {
    assertRefused(() -> Json.read("x", repeat("[", "[],", 20_000_000)), "oken count");
    assertRefused(() -> Json.read("x", repeat("\"", "aaaaaaaaaaaaaaaa", 20_000_000)), "tring");
    assertRefused(
        () -> Json.read("x", repeat("", "                ", 20_000_000)), "ocument length");
  }

  @Test
  void read_noFile_isRefused() {
    assertRefused(() -> Json.read(folder.resolve("none.json")), "none.json", "found none");
    assertRefused(() -> Json.read(folder), folder.toString());
  }

  @Test
  void compact_whatIsNoNumber_isAString() {
    ObjectNode tree = Json.object();
    tree.put("a", Double.NaN)
        .put("b", Double.POSITIVE_INFINITY)
        .put("c", Float.NEGATIVE_INFINITY)
        .put("d", 0.1f);
    String text = Json.compact(tree);
    assertThat(text).isEqualTo("{\"a\":\"NaN\",\"b\":\"Infinity\",\"c\":\"-Infinity\",\"d\":0.1}");
    JsonNode read = Json.read("x", text);
    assertThat(Json.number(read.get("a"))).isNaN();
    assertThat(Json.number(read.get("b"))).isEqualTo(Double.POSITIVE_INFINITY);
    assertThat(Json.number(read.get("c"))).isEqualTo(Double.NEGATIVE_INFINITY);
    assertThat(Json.number(Json.read("x", "\"nan\""))).isNull();
    assertThat(Json.number(Json.read("x", "true"))).isNull();
    assertThat(Json.number(Json.read("x", "7"))).isEqualTo(7.0);
  }

  @Test
  void pretty_objects_areIndentedAndArraysAreNot() {
    JsonNode tree = Json.read("x", "{\"a\":[1,2],\"b\":{\"c\":{}},\"d\":[]}");
    assertThat(Json.pretty(tree))
        .isEqualTo("{\n  \"a\": [1, 2],\n  \"b\": {\n    \"c\": {}\n  },\n  \"d\": []\n}");
  }

  @Test
  void write_file_isReadBack() throws IOException {
    Path file = folder.resolve("x.json");
    JsonNode tree = Json.read("x", "{\"a\":[1,\"ü\"]}");
    Json.write(tree, file, true);
    assertThat(Json.read(file)).isEqualTo(tree);
    assertThat(Files.readString(file)).endsWith("}\n");
  }

  private static InputStream repeat(String start, String part, int times) {
    byte[] block = part.repeat(1000).getBytes(StandardCharsets.UTF_8);
    Stream<InputStream> blocks =
        Stream.concat(
            Stream.of(
                (InputStream)
                    new java.io.ByteArrayInputStream(start.getBytes(StandardCharsets.UTF_8))),
            IntStream.range(0, times / 1000)
                .mapToObj(i -> new java.io.ByteArrayInputStream(block)));
    return new SequenceInputStream(Collections.enumeration(blocks.toList()));
  }
}
