package dev.diopter.formats;

import static dev.diopter.formats.Messages.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsFileTest {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  @TempDir Path folder;

  @Test
  void open_fileOfTheFormatsOwnLibrary_hasItsTensorsInOrder() throws IOException {
    Path file = folder.resolve("reference.safetensors");
    Files.write(file, Resources.bytes("reference.safetensors"));
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      assertThat(opened.entries().stream().map(SafetensorsFile.Entry::name))
          .containsExactly("a", "a2", "b", "none", "half", "one", "flag");
      assertThat(opened.metadata()).containsExactly(java.util.Map.entry("format", "np"));
      SafetensorsFile.Entry b = opened.find("b");
      assertThat(b.type()).isEqualTo(TensorType.F32);
      assertThat(b.shape()).containsExactly(2L, 3L);
      assertThat(b.elements()).isEqualTo(6);
      assertThat(b.data().toArray(FLOAT)).containsExactly(0, 1, 2, 3, 4, 5);
      assertThat(opened.find("one").shape()).isEmpty();
      assertThat(opened.find("none").data().byteSize()).isZero();
      assertThat(opened.find("c")).isNull();
    }
  }

  @Test
  void of_memory_isReadOnlyAndLeftOpen() {
    byte[] bytes = Resources.bytes("reference.safetensors");
    SafetensorsFile opened = SafetensorsBytes.open(bytes);
    opened.close();
    MemorySegment data = opened.find("b").data();
    assertThat(data.isReadOnly()).isTrue();
    assertThat(data.get(FLOAT, 4)).isEqualTo(1);
  }

  @Test
  void read_stream_givesTheSame() throws IOException {
    try (var in = Resources.open("reference.safetensors");
        SafetensorsFile opened = SafetensorsFile.read("stream", in)) {
      assertThat(opened.find("a").data().toArray(ValueLayout.JAVA_LONG_UNALIGNED))
          .containsExactly(1, -1);
    }
  }

  @Test
  void data_afterClose_isRefusedAndDoesNotCrash() throws IOException {
    Path file = Files.write(folder.resolve("x"), Resources.bytes("reference.safetensors"));
    SafetensorsFile opened = SafetensorsFile.open(file);
    MemorySegment data = opened.find("b").data();
    opened.close();
    opened.close();
    Mappings.assertNone(folder);
    assertThatThrownBy(() -> data.get(FLOAT, 0)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void open_fileBeyond2Gigabytes_readsItsLastTensor() throws IOException {
    long hole = 3L << 30;
    String header =
        "{\"hole\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]},\"last\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}}"
            .formatted(hole, hole, hole, hole + 4);
    Path file = folder.resolve("large.safetensors");
    Files.write(file, SafetensorsBytes.of(header, 0));
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.seek(sparse.length() + hole);
      sparse.write(new byte[] {0, 0, (byte) 0x80, 0x3F});
    }
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      assertThat(opened.find("hole").data().byteSize()).isEqualTo(hole);
      assertThat(opened.find("last").data().get(FLOAT, 0)).isEqualTo(1);
    }
  }

  @Test
  void open_headerOverTheLimitInAFileThatHoldsIt_isRefusedUnread() throws IOException {
    Path file = folder.resolve("header.safetensors");
    Files.write(file, SafetensorsBytes.of(SafetensorsFile.MAX_HEADER + 1, new byte[] {'{'}, 0));
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(200_000_000);
    }
    assertRefused(
        () -> SafetensorsFile.open(file),
        "header of 2 to 100000000 bytes, found a length of 100000001");
  }

  @ParameterizedTest
  @EnumSource(TensorType.class)
  void of_everyTypeOfTheFormat_isRead(TensorType type) {
    int bytes = type.bits() * 8 / 8;
    SafetensorsFile opened =
        SafetensorsBytes.open(
            SafetensorsBytes.of(entry("x", type.name(), "[2,4]", 0, bytes), bytes));
    assertThat(opened.find("x").type()).isEqualTo(type);
    assertThat(opened.find("x").elements()).isEqualTo(8);
  }

  @Test
  void of_headerOfMoreTensorsThanAnyFileHas_isRefusedInBoundedMemory() {
    StringBuilder header = new StringBuilder().append('{');
    for (int i = 0; i <= SafetensorsHeader.MAX_TENSORS; i++) {
      header
          .append(i == 0 ? "" : ",")
          .append("\"")
          .append(i)
          .append("\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}");
    }
    byte[] bytes = SafetensorsBytes.of(header.append('}').toString(), 0);
    assertRefused(() -> SafetensorsBytes.open(bytes), "at most 200,000 tensors");
  }

  static Stream<Arguments> brokenFiles() {
    String a = tensor("a", "F32", "[2]", 0, 8);
    String b = tensor("b", "F32", "[2]", 8, 16);
    return Stream.of(
        arguments("empty file", new byte[0], "found only 0 bytes"),
        arguments("cut in the length", new byte[7], "found only 7 bytes"),
        arguments(
            "cut in the header",
            cut(SafetensorsBytes.of("{" + a + "}", 8), 30),
            "the file is cut off"),
        arguments(
            "header beyond the file",
            SafetensorsBytes.of(1000, "{}".getBytes(StandardCharsets.UTF_8), 0),
            "1000 bytes, found 2"),
        arguments(
            "header over the limit",
            SafetensorsBytes.of(100_000_001, "{}".getBytes(StandardCharsets.UTF_8), 0),
            "100000001"),
        arguments(
            "header length negative",
            SafetensorsBytes.of(-1, "{}".getBytes(StandardCharsets.UTF_8), 0),
            "18446744073709551615"),
        arguments(
            "header length zero",
            SafetensorsBytes.of(0, "{}".getBytes(StandardCharsets.UTF_8), 0),
            "a length of 0"),
        arguments("not an object", SafetensorsBytes.of("[]", 0), "starts with {"),
        arguments("blank first", SafetensorsBytes.of(" {}", 0), "starts with {"),
        arguments("byte order mark", SafetensorsBytes.of("\uFEFF{}", 0), "starts with {"),
        arguments("not JSON", SafetensorsBytes.of("{\"a\":", 0), "valid JSON"),
        arguments("something behind the header", SafetensorsBytes.of("{}{}", 0), "more behind it"),
        arguments(
            "malformed UTF-8",
            SafetensorsBytes.of(4, new byte[] {'{', '"', (byte) 0xC3, '"'}, 0),
            "UTF-8"),
        arguments(
            "UTF-16",
            SafetensorsBytes.of(4, "{}".getBytes(StandardCharsets.UTF_16LE), 0),
            "header"),
        arguments(
            "surrogate in UTF-8",
            SafetensorsBytes.of(
                8, new byte[] {'{', '"', (byte) 0xED, (byte) 0xA0, (byte) 0x80, '"', ':', '1'}, 0),
            "UTF-8"),
        arguments(
            "same tensor twice",
            SafetensorsBytes.of("{" + a + "," + tensor("a", "F32", "[2]", 8, 16) + "}", 16),
            "Duplicate"),
        arguments(
            "same field twice",
            SafetensorsBytes.of(
                "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                1),
            "Duplicate"),
        arguments(
            "same metadata twice",
            SafetensorsBytes.of("{\"__metadata__\":{\"x\":\"1\",\"x\":\"2\"}}", 0),
            "Duplicate"),
        arguments(
            "metadata twice",
            SafetensorsBytes.of("{\"__metadata__\":{},\"__metadata__\":{}}", 0),
            "Duplicate"),
        arguments(
            "metadata of numbers",
            SafetensorsBytes.of("{\"__metadata__\":{\"x\":1}}", 0),
            "expected a string, found a whole number"),
        arguments(
            "metadata of objects",
            SafetensorsBytes.of("{\"__metadata__\":{\"x\":{}}}", 0),
            "expected a string, found an object"),
        arguments(
            "metadata a string",
            SafetensorsBytes.of("{\"__metadata__\":\"x\"}", 0),
            "expected an object, found a string"),
        arguments(
            "deep nesting", SafetensorsBytes.of("{\"a\":" + "[".repeat(100_000), 0), "header"),
        arguments(
            "deep nesting inside",
            SafetensorsBytes.of("{\"a\":{\"shape\":" + "[".repeat(100_000), 0),
            "header"),
        arguments(
            "overlap",
            SafetensorsBytes.of("{" + a + "," + tensor("b", "F32", "[2]", 4, 12) + "}", 12),
            "overlap"),
        arguments(
            "same place",
            SafetensorsBytes.of("{" + a + "," + tensor("b", "F32", "[2]", 0, 8) + "}", 8),
            "overlap"),
        arguments(
            "gap",
            SafetensorsBytes.of("{" + a + "," + tensor("b", "F32", "[2]", 12, 20) + "}", 20),
            "belong to no tensor"),
        arguments("gap in front", SafetensorsBytes.of("{" + b + "}", 16), "belong to no tensor"),
        arguments("bytes behind", SafetensorsBytes.of("{" + a + "," + b + "}", 17), "too long"),
        arguments("bytes without tensors", SafetensorsBytes.of("{}", 1), "too long"),
        arguments("cut in the data", SafetensorsBytes.of("{" + a + "," + b + "}", 15), "cut off"),
        arguments(
            "end before begin",
            SafetensorsBytes.of("{" + tensor("a", "F32", "[2]", 8, 0) + "}", 8),
            "begin <= end"),
        arguments(
            "span too short",
            SafetensorsBytes.of("{" + tensor("a", "F32", "[2]", 0, 4) + "}", 4),
            "expected 8 bytes for F32 [2]"),
        arguments(
            "span too long",
            SafetensorsBytes.of("{" + tensor("a", "F16", "[2]", 0, 8) + "}", 8),
            "expected 4 bytes"),
        arguments(
            "product overflows to the span",
            SafetensorsBytes.of("{" + tensor("a", "F32", "[4294967296,4294967296]", 0, 0) + "}", 0),
            "more than 2^60"),
        arguments(
            "product overflows in bytes",
            SafetensorsBytes.of("{" + tensor("a", "F64", "[2305843009213693952]", 0, 0) + "}", 0),
            "more than 2^60"),
        arguments(
            "half a byte",
            SafetensorsBytes.of("{" + tensor("a", "F4", "[3]", 0, 1) + "}", 1),
            "a whole number of"),
        arguments(
            "negative size",
            SafetensorsBytes.of("{" + tensor("a", "F32", "[-2]", 0, 8) + "}", 8),
            "no negative number"),
        arguments(
            "two negative sizes",
            SafetensorsBytes.of("{" + tensor("a", "F32", "[-1,-2]", 0, 8) + "}", 8),
            "no negative number"),
        arguments(
            "negative offset",
            SafetensorsBytes.of("{" + tensor("a", "F32", "[2]", -8, 0) + "}", 8),
            "no negative number"),
        arguments(
            "size with a fraction",
            SafetensorsBytes.of("{" + tensor("a", "F32", "[2.0]", 0, 8) + "}", 8),
            "whole numbers, found a number with a fraction"),
        arguments(
            "size with an exponent",
            SafetensorsBytes.of("{" + tensor("a", "F32", "[2e0]", 0, 8) + "}", 8),
            "whole numbers"),
        arguments(
            "size a string",
            SafetensorsBytes.of("{" + tensor("a", "F32", "[\"2\"]", 0, 8) + "}", 8),
            "found a string"),
        arguments(
            "size null",
            SafetensorsBytes.of("{" + tensor("a", "F32", "[null]", 0, 8) + "}", 8),
            "found null"),
        arguments(
            "size beyond 64 bits",
            SafetensorsBytes.of("{" + tensor("a", "F32", "[18446744073709551618]", 0, 8) + "}", 8),
            "below 2^63"),
        arguments(
            "shape no array",
            SafetensorsBytes.of("{" + tensor("a", "F32", "2", 0, 8) + "}", 8),
            "an array, found a whole number"),
        arguments(
            "too many axes",
            SafetensorsBytes.of(
                "{" + tensor("a", "F32", "[1" + ",1".repeat(64) + "]", 0, 4) + "}", 4),
            "at most 64"),
        arguments(
            "unknown type",
            SafetensorsBytes.of("{" + tensor("a", "F31", "[2]", 0, 8) + "}", 8),
            "F31"),
        arguments(
            "type in lower case",
            SafetensorsBytes.of("{" + tensor("a", "f32", "[2]", 0, 8) + "}", 8),
            "f32"),
        arguments(
            "no type",
            SafetensorsBytes.of("{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8),
            "no dtype"),
        arguments(
            "no shape",
            SafetensorsBytes.of("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8),
            "no shape"),
        arguments(
            "no offsets",
            SafetensorsBytes.of("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8),
            "no data_offsets"),
        arguments(
            "one offset",
            SafetensorsBytes.of(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]}}", 8),
            "[begin, end]"),
        arguments(
            "three offsets",
            SafetensorsBytes.of(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8),
            "at most 2"),
        arguments(
            "unknown field",
            SafetensorsBytes.of(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8),
            "found \"x\""),
        arguments(
            "tensor no object", SafetensorsBytes.of("{\"a\":[]}", 0), "an object, found an array"),
        arguments(
            "long name", SafetensorsBytes.of("{\"" + "n".repeat(200_000) + "\":1}", 0), "header"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("brokenFiles")
  void of_brokenFile_isRefusedInOneLine(String what, byte[] bytes, String part) {
    assertRefused(() -> SafetensorsBytes.open(bytes), "test.safetensors", part);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("brokenFiles")
  void open_brokenFile_isRefusedAndReleased(String what, byte[] bytes, String part)
      throws IOException {
    Path file = Files.write(folder.resolve("broken.safetensors"), bytes);
    assertRefused(() -> SafetensorsFile.open(file), file.toString(), part);
    Mappings.assertNone(folder);
  }

  @Test
  void of_tensorsListedInAnotherOrderThanStored_areFine() {
    String header =
        "{"
            + tensor("b", "F32", "[2]", 8, 16)
            + ","
            + tensor("none", "F32", "[0]", 8, 8)
            + ","
            + tensor("a", "F32", "[2]", 0, 8)
            + "}   ";
    SafetensorsFile opened = SafetensorsBytes.open(SafetensorsBytes.of(header, 16));
    assertThat(opened.entries().stream().map(SafetensorsFile.Entry::name))
        .isEqualTo(List.of("b", "none", "a"));
  }

  @Test
  void open_noFile_isRefused() {
    assertRefused(() -> SafetensorsFile.open(folder.resolve("none")), "found none");
    assertRefused(() -> SafetensorsFile.open(folder), folder.toString());
  }

  private static String entry(String name, String type, String shape, long begin, long end) {
    return "{" + tensor(name, type, shape, begin, end) + "}";
  }

  private static String tensor(String name, String type, String shape, long begin, long end) {
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
        .formatted(name, type, shape, begin, end);
  }

  private static byte[] cut(byte[] bytes, int length) {
    return java.util.Arrays.copyOf(bytes, length);
  }
}
