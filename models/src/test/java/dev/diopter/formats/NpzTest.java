package dev.diopter.formats;

import static dev.diopter.formats.Messages.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.diopter.formats.NpzWriter.Packing;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class NpzTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"numpy.npz", "numpy-deflated.npz"})
  void read_filesThatNumpyWrote_haveItsValues(String name) throws IOException {
    Path file = Files.write(folder.resolve(name), Resources.bytes(name));
    float[] values = new float[24];
    for (int i = 0; i < 24; i++) {
      values[i] = i / 8f;
    }
    try (Npz npz = Npz.open(file)) {
      assertThat(npz.names())
          .hasSize(21)
          .startsWith("f4", "f8")
          .endsWith("blocks.0.attn.hook_pattern");
      for (String same : List.of("f4", "f2", "fortran", "big")) {
        assertThat(npz.read(same).floats()).as(same).isEqualTo(values);
        assertThat(npz.read(same).shape()).containsExactly(2, 3, 4);
      }
      assertThat(npz.read("f8").doubles()[23]).isEqualTo(23 / 8.0 * Math.PI);
      assertThat(npz.read("f8").floats()[23]).isEqualTo((float) (23 / 8.0 * Math.PI));
      assertThat(npz.read("scalar").shape()).isEmpty();
      assertThat(npz.read("scalar").floats()).containsExactly(2.5f);
      assertThat(npz.read("empty").floats()).isEmpty();
      assertThat(npz.read("i1").longs()).containsExactly(-128, 127);
      assertThat(npz.read("u1").longs()).containsExactly(0, 255);
      assertThat(npz.read("i2").longs()).containsExactly(-32768, 32767);
      assertThat(npz.read("u2").longs()).containsExactly(0, 65535);
      assertThat(npz.read("i4").ints()).containsExactly(Integer.MIN_VALUE, Integer.MAX_VALUE);
      assertThat(npz.read("u4").longs()).containsExactly(0, 4294967295L);
      assertThat(npz.read("i8").longs()).containsExactly(Long.MIN_VALUE, Long.MAX_VALUE);
      assertThat(npz.read("big_i8").ints()).containsExactly(1, -2);
      assertThat(npz.read("u8").longs()).containsExactly(0, Long.MAX_VALUE);
      assertThat(npz.read("b1").longs()).containsExactly(1, 0);
      assertThat(npz.read("text").strings()).containsExactly("", "resid", "🙂 ok");
      assertThat(npz.read("special").floats())
          .containsExactly(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, -0.0f);
    }
  }

  @Test
  void read_everyHeaderVersion_isUnderstood() throws IOException {
    Path file = Files.write(folder.resolve("v.npz"), Resources.bytes("versions.npz"));
    try (Npz npz = Npz.open(file)) {
      assertThat(npz.names()).containsExactly("v1", "v2", "v3");
      for (String name : npz.names()) {
        assertThat(npz.read(name).ints()).containsExactly(0, 1, 2, 3, 4, 5);
      }
    }
  }

  @Test
  void read_fixtures_haveTheirArrays() {
    try (Npz npz = Npz.open(Resources.fixture("llama-gqa/expected.npz"))) {
      assertThat(npz.read("ids").ints()).hasSize(11);
      assertThat(npz.read("logits").shape()).containsExactly(1, 11, 101);
      assertThat(npz.read("blocks.0.attn.hook_attn_scores").floats())
          .contains(Float.NEGATIVE_INFINITY);
    }
    try (Npz npz = Npz.open(Resources.fixture("lens-cases/demo-gpt2/decompositions.npz"))) {
      assertThat(npz.read("accumulated_labels").strings()).hasSize(13).contains("0_pre");
      assertThat(npz.read("ids").ints()).hasSize(15);
    }
  }

  @ParameterizedTest
  @EnumSource(Packing.class)
  void write_everyKind_isReadBack(Packing packing) throws IOException {
    Path file = folder.resolve("x.npz");
    float[] many = new float[50_000];
    for (int i = 0; i < many.length; i++) {
      many[i] = i * 0.5f;
    }
    NpzWriter.write(
        file,
        packing,
        out -> {
          out.floats("many", List.of(2, 25_000), many);
          out.floats("scalar", List.of(), new float[] {Float.NaN});
          out.floats("none", List.of(0, 3), new float[0]);
          out.doubles("d", List.of(2), new double[] {Math.PI, -0.0});
          out.ints("i", List.of(3, 1), new int[] {1, -2, 3});
          out.longs("l", List.of(1), new long[] {Long.MIN_VALUE});
          out.booleans("b", List.of(2), new boolean[] {true, false});
          out.strings("s", List.of(2), List.of("resid 🙂", ""));
        });
    try (Npz npz = Npz.open(file)) {
      assertThat(npz.names()).containsExactly("many", "scalar", "none", "d", "i", "l", "b", "s");
      assertThat(npz.read("many").floats()).isEqualTo(many);
      assertThat(npz.read("many").shape()).containsExactly(2, 25_000);
      assertThat(npz.read("scalar").floats()).containsExactly(Float.NaN);
      assertThat(npz.read("none").shape()).containsExactly(0, 3);
      assertThat(npz.read("d").doubles()).containsExactly(Math.PI, -0.0);
      assertThat(npz.read("i").ints()).containsExactly(1, -2, 3);
      assertThat(npz.read("l").longs()).containsExactly(Long.MIN_VALUE);
      assertThat(npz.read("b").type()).isEqualTo(NpyType.BOOL);
      assertThat(npz.read("s").strings()).containsExactly("resid 🙂", "");
    }
    byte[] first = Files.readAllBytes(file);
    NpzWriter.write(file, packing, out -> out.floats("a", List.of(1), new float[1]));
    assertThat(first.length > 200_000).isEqualTo(packing == Packing.STORED);
  }

  @Test
  void write_sameArraysAsNumpy_givesTheSameArrayBytes() throws IOException {
    Path ours = folder.resolve("ours.npz");
    Path theirs = Files.write(folder.resolve("theirs.npz"), Resources.bytes("numpy.npz"));
    try (Npz npz = Npz.open(theirs)) {
      NpzWriter.write(
          ours,
          Packing.STORED,
          out -> {
            out.floats("f4", List.of(2, 3, 4), npz.read("f4").floats());
            out.doubles("f8", List.of(2, 3, 4), npz.read("f8").doubles());
            out.floats("scalar", List.of(), npz.read("scalar").floats());
            out.ints("i4", List.of(2), npz.read("i4").ints());
            out.longs("i8", List.of(2), npz.read("i8").longs());
            out.booleans("b1", List.of(2), new boolean[] {true, false});
            out.strings("text", List.of(3), npz.read("text").strings());
            out.floats("special", List.of(4), npz.read("special").floats());
          });
    }
    try (var mine = new java.util.zip.ZipFile(ours.toFile());
        var numpys = new java.util.zip.ZipFile(theirs.toFile())) {
      for (var entry : java.util.Collections.list(mine.entries())) {
        assertThat(mine.getInputStream(entry).readAllBytes())
            .as(entry.getName())
            .isEqualTo(numpys.getInputStream(numpys.getEntry(entry.getName())).readAllBytes());
      }
    }
  }

  @Test
  void write_sameArraysTwice_givesTheSameBytes() throws IOException {
    Path one = folder.resolve("one.npz");
    Path two = folder.resolve("two.npz");
    for (Path file : List.of(one, two)) {
      NpzWriter.write(
          file, Packing.DEFLATED, out -> out.floats("a", List.of(3), new float[] {1, 2, 3}));
    }
    assertThat(one).hasSameBinaryContentAs(two);
    try (ZipFile zip = new ZipFile(one.toFile())) {
      assertThat(zip.getEntry("a.npy").getTimeLocal().getYear()).isEqualTo(1980);
    }
  }

  @Test
  void write_wrongShapeOrName_leavesNoFile() {
    Path file = folder.resolve("x.npz");
    assertThatThrownBy(() ->
            NpzWriter.write(
                file, Packing.STORED, out -> out.floats("a", List.of(2, 2), new float[3])))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected 4 values for shape [2, 2], got 3");
    assertThatThrownBy(() ->
            NpzWriter.write(
                file,
                Packing.STORED,
                out -> {
                  out.floats("a", List.of(1), new float[1]);
                  out.floats("a", List.of(1), new float[1]);
                }))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("a twice");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void read_asAnotherKind_isRefused() throws IOException {
    Path file = Files.write(folder.resolve("n.npz"), Resources.bytes("numpy.npz"));
    try (Npz npz = Npz.open(file)) {
      assertRefused(() -> npz.read("f4").ints(), "f4", "whole numbers");
      assertRefused(() -> npz.read("i8").ints(), "32 bits");
      assertRefused(() -> npz.read("u8_large").longs(), "18446744073709551615");
      assertRefused(() -> npz.read("text").floats(), "numbers, found TEXT");
      assertRefused(() -> npz.read("f4").strings(), "text, found F32");
      assertRefused(() -> npz.read("none"), "none", "others, such as [f4");
    }
  }

  static Stream<Arguments> brokenArrays() {
    return Stream.of(
        arguments("empty", new byte[0], "something else"),
        arguments("no magic", bytes("x".repeat(100)), "something else"),
        arguments("version 9", npy(9, "{}", 0), "version 1, 2 or 3"),
        arguments(
            "cut in the header",
            Arrays.copyOf(npy(1, header("<f4", "False", "(2,)"), 8), 40),
            "found"),
        arguments(
            "header over the bound",
            new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, -1, -1, -1, 127},
            "at most 65536"),
        arguments("not a dictionary", npy(1, "[]", 0), "expected {"),
        arguments("nothing in it", npy(1, "{}", 0), "descr"),
        arguments(
            "field twice", npy(1, "{'descr':'<f4','descr':'<f4','shape':()}", 4), "each once"),
        arguments(
            "unknown field",
            npy(1, "{'descr':'<f4','fortran_order':False,'shape':(),'x':()}", 4),
            "found \"x\""),
        arguments("pickle", npy(1, header("|O", "False", "(2,)"), 8), "|O"),
        arguments(
            "record",
            npy(1, "{'descr':[('a','<f4')],'fortran_order':False,'shape':()}", 4),
            "expected a string"),
        arguments("time", npy(1, header("<M8[ns]", "False", "(1,)"), 8), "M8"),
        arguments("complex", npy(1, header("<c8", "False", "(1,)"), 8), "c8"),
        arguments("text of nothing", npy(1, header("<U0", "False", "(100000,100000)"), 0), "U0"),
        arguments("order no truth value", npy(1, header("<f4", "0", "(2,)"), 8), "True or False"),
        arguments("shape no tuple", npy(1, header("<f4", "False", "2"), 8), "expected ("),
        arguments("negative size", npy(1, header("<f4", "False", "(-2,)"), 8), "sizes from 0"),
        arguments(
            "size too large", npy(1, header("<f4", "False", "(99999999999,)"), 8), "sizes from 0"),
        arguments(
            "product too large", npy(1, header("<f4", "False", "(65536,65536)"), 8), "at most"),
        arguments(
            "product overflows",
            npy(1, header("<f4", "False", "(2147483647,2147483647,2147483647)"), 8),
            "at most"),
        arguments(
            "too many axes",
            npy(1, header("<f4", "False", "(" + "1,".repeat(65) + ")"), 4),
            "64 axes"),
        arguments("too little data", npy(1, header("<f4", "False", "(3,)"), 8), "declared"),
        arguments("too much data", npy(1, header("<f4", "False", "(1,)"), 8), "declared"),
        arguments(
            "no data for much", npy(1, header("<f4", "False", "(500000000,)"), 0), "expected"),
        arguments("text behind", npy(1, header("<f4", "False", "(1,)") + "x", 4), "nothing else"),
        arguments("unfinished", npy(1, "{'descr':'<f4", 4), "expected a string"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("brokenArrays")
  void read_brokenArray_isRefusedInOneLine(String what, byte[] array, String part)
      throws IOException {
    for (int method : new int[] {ZipEntry.STORED, ZipEntry.DEFLATED}) {
      Path file = zip(method, "a.npy", array);
      try (Npz npz = Npz.open(file)) {
        assertRefused(() -> npz.read("a"), file.toString(), "\"a\"", part);
      }
    }
  }

  @Test
  void read_bomb_isRefusedBeforeItIsUnpacked() throws IOException {
    // A little honest data whose header declares 1.6 GB of zeros: the archive says so too, but no
    // compression gets that far.
    byte[] start = npy(1, header("<f4", "False", "(400000000,)"), 4_000_000);
    Path file = zip(ZipEntry.DEFLATED, "a.npy", start);
    declare(file, start.length - 4_000_000 + 1_600_000_000);
    try (Npz npz = Npz.open(file)) {
      assertRefused(() -> npz.read("a"), "1600000", "declared");
    }
  }

  @Test
  void read_entryThatUnpacksToMoreThanTheArchiveDeclares_isRefused() throws IOException {
    byte[] array = npy(1, header("<f4", "False", "(1,)"), 1000);
    Path file = zip(ZipEntry.DEFLATED, "a.npy", array);
    declare(file, array.length - 996);
    try (Npz npz = Npz.open(file)) {
      assertRefused(() -> npz.read("a"), "made.npz");
    }
  }

  /** Changes the unpacked size in the archive's directory. */
  private static void declare(Path file, int size) throws IOException {
    byte[] archive = Files.readAllBytes(file);
    int at = indexOf(archive, new byte[] {'P', 'K', 1, 2}) + 24;
    for (int i = 0; i < 4; i++) {
      archive[at + i] = (byte) (size >>> (8 * i));
    }
    Files.write(file, archive);
  }

  @Test
  void open_brokenArchive_isRefusedInOneLine() throws IOException {
    byte[] good = Resources.bytes("numpy.npz");
    Path file = folder.resolve("broken.npz");
    assertRefused(() -> Npz.open(file), "broken.npz", "found none");
    for (byte[] bytes :
        List.of(new byte[0], bytes("hello"), Arrays.copyOf(good, good.length - 30))) {
      Files.write(file, bytes);
      assertRefused(() -> Npz.open(file), "broken.npz", "no zip archive");
    }
    assertRefused(() -> Npz.open(folder), folder.toString());
  }

  @Test
  void open_sameNameTwice_isRefused() throws IOException {
    byte[] array = npy(1, header("<f4", "False", "(1,)"), 4);
    Path file = folder.resolve("twice.npz");
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(file))) {
      for (String name : List.of("a.npy", "b.npy")) {
        out.putNextEntry(new ZipEntry(name));
        out.write(array);
        out.closeEntry();
      }
    }
    byte[] bytes = Files.readAllBytes(file);
    for (int at = indexOf(bytes, bytes("b.npy")); at >= 0; at = indexOf(bytes, bytes("b.npy"))) {
      bytes[at] = 'a';
    }
    Files.write(file, bytes);
    assertRefused(() -> Npz.open(file), "\"a\" twice");
  }

  private Path zip(int method, String name, byte[] content) throws IOException {
    Path file = folder.resolve("made.npz");
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(file))) {
      ZipEntry entry = new ZipEntry(name);
      if (method == ZipEntry.STORED) {
        java.util.zip.CRC32 crc = new java.util.zip.CRC32();
        crc.update(content);
        entry.setMethod(method);
        entry.setSize(content.length);
        entry.setCrc(crc.getValue());
      }
      out.putNextEntry(entry);
      out.write(content);
      out.closeEntry();
    }
    return file;
  }

  private static String header(String descr, String fortran, String shape) {
    return "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }".formatted(descr, fortran, shape);
  }

  private static byte[] npy(int version, String header, int dataBytes) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] text = bytes(header + "\n");
    out.writeBytes(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
    out.writeBytes(new byte[] {(byte) text.length, (byte) (text.length >> 8)});
    out.writeBytes(text);
    out.writeBytes(new byte[dataBytes]);
    return out.toByteArray();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    for (int i = 0; i + part.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
        return i;
      }
    }
    return -1;
  }
}
