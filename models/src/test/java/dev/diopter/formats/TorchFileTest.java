package dev.diopter.formats;

import static dev.diopter.formats.Messages.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TorchFileTest {
  @TempDir Path folder;

  private static Path original(String model) {
    return Path.of(
        System.getProperty("diopter.root"),
        "fixtures/lens-cases/" + model + "/tuned-lens/params.pt");
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void write_whatTheOriginalWrote_isTheSameFileButForItsSerialNumber(String model)
      throws IOException {
    List<TorchWriter.Tensor> tensors = new ArrayList<>();
    try (TorchFile file = TorchFile.open(original(model))) {
      assertThat(file.tensors().keySet())
          .startsWith("0.weight", "0.bias", "1.weight")
          .endsWith("5.weight", "5.bias");
      assertThat(file.tensors().get("3.weight").shape()).containsExactly(128, 128);
      assertThat(file.tensors().get("3.weight").type()).isEqualTo(TensorType.F32);
      for (TorchFile.Entry entry : file.tensors().values()) {
        tensors.add(new TorchWriter.Tensor(entry.name(), entry.shape(), file.floats(entry.name())));
      }
    }
    Path written = folder.resolve("params.pt");
    TorchWriter.write(written, tensors);
    byte[] ours = Files.readAllBytes(written);
    byte[] theirs = Files.readAllBytes(original(model));
    blankSerialNumber(ours);
    blankSerialNumber(theirs);
    assertThat(ours).isEqualTo(theirs);
  }

  /** Its forty digits, and their checksum behind them and in the directory. */
  private static void blankSerialNumber(byte[] file) {
    String text = new String(file, StandardCharsets.ISO_8859_1);
    int header = text.indexOf("params/.data/serialization_id");
    int content = (header + 29 + 63) / 64 * 64;
    java.util.Arrays.fill(file, content, content + 40 + 8, (byte) 0);
    int directory = text.lastIndexOf("params/.data/serialization_id") - 46;
    java.util.Arrays.fill(file, directory + 16, directory + 20, (byte) 0);
  }

  @Test
  void floats_writtenNumbers_comeBackBitForBit() {
    float[] values = {1.5f, -0f, Float.MIN_VALUE, Float.NaN, Float.NEGATIVE_INFINITY, 3e38f};
    Path file = folder.resolve("x.pt");
    TorchWriter.write(
        file,
        List.of(
            new TorchWriter.Tensor("a.weight", List.of(2, 3), values),
            new TorchWriter.Tensor("a.scalar", List.of(), new float[] {7}),
            new TorchWriter.Tensor("deep.deeper.x", List.of(1, 1, 1, 2), new float[] {8, 9})));
    try (TorchFile opened = TorchFile.open(file)) {
      assertThat(opened.tensors().keySet())
          .containsExactly("a.weight", "a.scalar", "deep.deeper.x");
      assertThat(opened.floats("a.weight")).isEqualTo(values);
      assertThat(opened.floats("a.scalar")).containsExactly(7);
      assertThat(opened.tensors().get("deep.deeper.x").shape()).containsExactly(1, 1, 1, 2);
      assertRefused(() -> opened.floats("b"), "expected a tensor \"b\", found none");
    }
  }

  @Test
  void write_manyTensors_remembersBeyondAByte() {
    List<TorchWriter.Tensor> tensors = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      tensors.add(new TorchWriter.Tensor(i + ".bias", List.of(1), new float[] {i}));
    }
    Path file = folder.resolve("many.pt");
    TorchWriter.write(file, tensors);
    try (TorchFile opened = TorchFile.open(file)) {
      assertThat(opened.tensors()).hasSize(300);
      assertThat(opened.floats("299.bias")).containsExactly(299);
    }
  }

  @Test
  void floats_sixteenBitAndViews_widenAndFollowTheirStrides() throws IOException {
    Program program = new Program().dictionary();
    program.tensor("half", "HalfStorage", "0", 4, 0, new int[] {4}, new int[] {1});
    program.tensor("brain", "BFloat16Storage", "1", 2, 1, new int[] {1}, new int[] {1});
    program.tensor("turned", "FloatStorage", "2", 6, 0, new int[] {3, 2}, new int[] {1, 3});
    program.tensor("part", "FloatStorage", "2", 6, 3, new int[] {2}, new int[] {2});
    program.tensor("none", "FloatStorage", "3", 0, 0, new int[] {0}, new int[] {1});
    Map<String, byte[]> data = new LinkedHashMap<>();
    data.put("0", HexFormat.of().parseHex("003c00c0ff7b0100"));
    data.put("1", HexFormat.of().parseHex("0000803f"));
    data.put("2", floats(0, 1, 2, 3, 4, 5));
    data.put("3", new byte[0]);
    try (TorchFile file = TorchFile.open(archive(program.end(), data))) {
      assertThat(file.floats("half")).containsExactly(1, -2, 65504, 0x1p-24f);
      assertThat(file.floats("brain")).containsExactly(1);
      assertThat(file.floats("turned")).containsExactly(0, 3, 1, 4, 2, 5);
      assertThat(file.floats("part")).containsExactly(3, 5);
      assertThat(file.floats("none")).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "posix system",
        "os system",
        "builtins eval",
        "builtins getattr",
        "subprocess Popen",
        "torch load",
        "torch._utils _rebuild_parameter",
        "collections OrderedDict.fromkeys",
        "nt system"
      })
  void open_pickleThatCallsAnything_isRefusedByName(String name) throws IOException {
    String[] parts = name.split(" ");
    Program program = new Program();
    program.global(parts[0], parts[1]).code('(').text("touch " + folder.resolve("pwned"));
    program.code('t').code('R').code('.');
    assertRefused(
        () -> TorchFile.open(archive(program, Map.of())),
        "asks Python for \"" + parts[0] + "." + parts[1] + "\"",
        "nothing was run");
    assertThat(folder.resolve("pwned")).doesNotExist();
  }

  @Test
  void open_knownNameWithOtherArguments_isRefused() throws IOException {
    Program called = new Program().global("collections", "OrderedDict");
    called.code('(').code(')').code('t').code('R').code('.');
    assertRefused(
        () -> TorchFile.open(archive(called, Map.of())),
        "refused the call of collections.OrderedDict with 1 arguments");
    Program storage = new Program().global("torch", "FloatStorage").code(')').code('R').code('.');
    assertRefused(
        () -> TorchFile.open(archive(storage, Map.of())), "refused the call of torch.FloatStorage");
    Program text = new Program().text("os.system").code(')').code('R').code('.');
    assertRefused(() -> TorchFile.open(archive(text, Map.of())), "refused the call of a text");
  }

  @ParameterizedTest
  @ValueSource(ints = {0x81, 0x93, 'i', 'o', 'd', 'l', 'a', 'e', 'P', 'B', 0x95, 0x98, 'S', 'I'})
  void open_otherInstructions_areRefused(int code) throws IOException {
    Program program = new Program().dictionary().code('(').code(code).code('.');
    assertRefused(
        () -> TorchFile.open(archive(program, Map.of())), "instruction 0x%02x at ".formatted(code));
  }

  @Test
  void open_build_neverTouchesAnythingButTheDictionary() throws IOException {
    Program program = new Program().global("torch", "FloatStorage").code('}').code('b').code('.');
    assertRefused(() -> TorchFile.open(archive(program, Map.of())), "refused attributes of torch.");
  }

  @Test
  void open_brokenStack_isRefused() throws IOException {
    for (String program :
        List.of(".", "R", "t", "h\0", "}s", "}(K\1u", "}}.", "q\0", "Q", "(", "K")) {
      Program broken = new Program().raw(program.getBytes(StandardCharsets.ISO_8859_1));
      assertRefused(() -> TorchFile.open(archive(broken, Map.of())), "x.pt: ");
    }
  }

  @Test
  void open_valueThatIsNoDictionaryOfTensors_isRefused() throws IOException {
    assertRefused(
        () -> TorchFile.open(archive(new Program().code(')').code('.'), Map.of())),
        "expected a dictionary of tensors, found a tuple");
    Program nested = new Program().code('}').text("state").code('}').code('s').code('.');
    assertRefused(
        () -> TorchFile.open(archive(nested, Map.of())),
        "expected a tensor under \"state\", found a dictionary");
    Program twice = new Program().code('}').text("a").code('N').code('s').text("a").code('N');
    assertRefused(
        () -> TorchFile.open(archive(twice.code('s').code('.'), Map.of())), "found \"a\" twice");
  }

  @Test
  void open_viewsOutsideOfTheirStorage_areRefused() throws IOException {
    record Case(long elements, int offset, int[] shape, int[] strides) {}
    for (Case c :
        List.of(
            new Case(4, 1, new int[] {4}, new int[] {1}),
            new Case(4, 0, new int[] {5}, new int[] {1}),
            new Case(4, 0, new int[] {2, 2}, new int[] {4, 1}),
            new Case(4, 0, new int[] {1 << 30, 1 << 30}, new int[] {0, 0}),
            new Case(4, 0, new int[] {4, 2}, new int[] {1, 0}),
            new Case(4, 5, new int[] {}, new int[] {}),
            new Case(4, Integer.MAX_VALUE, new int[] {1}, new int[] {1}),
            new Case(4, 0, new int[] {2}, new int[] {1, 1}),
            new Case(5, 0, new int[] {4}, new int[] {1}),
            new Case(Integer.MAX_VALUE, 0, new int[] {4}, new int[] {1}))) {
      Program program = new Program().dictionary();
      program.tensor("t", "FloatStorage", "0", c.elements, c.offset, c.shape, c.strides);
      assertRefused(
          () -> TorchFile.open(archive(program.end(), Map.of("0", floats(0, 1, 2, 3)))),
          "tensor \"t\"");
    }
    Program negative = new Program().dictionary();
    negative.tensor("t", "FloatStorage", "0", 4, -1, new int[] {4}, new int[] {1});
    assertRefused(
        () -> TorchFile.open(archive(negative.end(), Map.of("0", floats(0, 1, 2, 3)))),
        "expected a number of at least 0");
  }

  @Test
  void open_offsetWithoutEnd_isRefused() throws IOException {
    byte[] most = HexFormat.of().parseHex("8a08ffffffffffffff7f");
    Program program = new Program().code('}').text("t");
    program.rebuild().code('(').storage("FloatStorage", "0", 4).raw(most);
    program.tuple(new int[] {2, 2}).tuple(new int[] {2, 1}).code(0x89).dictionary();
    program.code('t').code('R').code('s');
    assertRefused(
        () -> TorchFile.open(archive(program.end(), Map.of("0", floats(0, 1, 2, 3)))),
        "tensor \"t\": offset 9223372036854775807 does not lie in a storage of 4 elements");
  }

  /** What is remembered once and used often would cost more than the file is long. */
  @Test
  void open_rememberedTuplesUsedOften_areRefused() throws IOException {
    Program wide = new Program().code('}').code('(').text("a").tuple(new int[65]).code('q').code(1);
    wide.text("b").rebuild().code('(').storage("FloatStorage", "0", 4).number(0);
    wide.code('h').code(1).code('h').code(1).code(0x89).dictionary().code('t').code('R');
    assertRefused(
        () -> TorchFile.open(archive(wide.code('u').end(), Map.of("0", floats(0, 1, 2, 3)))),
        "expected at most 64 axes, found 65");
    int[] ones = new int[64];
    java.util.Arrays.fill(ones, 1);
    Program many = new Program().code('}').code('(');
    many.text("t").rebuild().code('(').storage("FloatStorage", "0", 4).number(0);
    many.tuple(ones).tuple(ones).code(0x89).dictionary().code('t').code('R').code('q').code(1);
    for (int i = 0; i < 1000; i++) {
      many.text("t" + i).code('h').code(1);
    }
    assertRefused(
        () -> TorchFile.open(archive(many.code('u').end(), Map.of("0", floats(0, 1, 2, 3)))),
        "axes of all tensors, found more");
    for (String deep : List.of("}", "(", "K\1")) {
      Program stack = new Program().raw(deep.repeat(70_000).getBytes(StandardCharsets.US_ASCII));
      assertRefused(
          () -> TorchFile.open(archive(stack.end(), Map.of())),
          "at most 65536 values on the stack");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "../../etc/passwd", "", "0/../0", "99999999999"})
  void open_storageThatIsNotThere_isRefused(String key) throws IOException {
    Program program = new Program().dictionary();
    program.tensor("t", "FloatStorage", key, 1, 0, new int[] {1}, new int[] {1});
    assertRefused(
        () -> TorchFile.open(archive(program.end(), Map.of("0", floats(1)))), "expected a");
  }

  @Test
  void open_otherArchives_areRefused() throws IOException {
    Path none = folder.resolve("none.pt");
    assertRefused(() -> TorchFile.open(none), "expected a torch file, found none");
    Path text = Files.writeString(folder.resolve("text.pt"), "not a zip");
    assertRefused(() -> TorchFile.open(text), "found no zip archive");
    assertRefused(
        () -> TorchFile.open(zip(Map.of("x/other", new byte[1]), true)), "expected a data.pkl");
    Program program = new Program().dictionary().end();
    assertRefused(
        () -> TorchFile.open(zip(Map.of("x/data.pkl", program.bytes()), false)),
        "expected stored entries");
    assertRefused(
        () ->
            TorchFile.open(
                zip(
                    Map.of(
                        "x/data.pkl",
                        program.bytes(),
                        "x/byteorder",
                        "big".getBytes(StandardCharsets.US_ASCII)),
                    true)),
        "expected little-endian");
  }

  @Test
  void open_damagedArchivesAndPickles_areReadOrRefusedInOneLine() throws IOException {
    long seed = Long.getLong("diopter.fuzzSeed", 20260105);
    System.out.println("fuzz torch files: seed " + seed);
    Random random = new Random(seed);
    byte[] archive = Files.readAllBytes(small());
    Program pickle = new Program().dictionary();
    pickle.tensor("a", "FloatStorage", "0", 4, 0, new int[] {2, 2}, new int[] {2, 1});
    pickle.tensor("b", "HalfStorage", "1", 2, 0, new int[] {2}, new int[] {1});
    byte[] program = pickle.end().bytes();
    Map<String, byte[]> data = Map.of("0", floats(1, 2, 3, 4), "1", new byte[4]);
    for (int i = 0; i < 2000; i++) {
      byte[] bad = Mutations.of(archive, archive.length, random);
      readOrRefuse(Files.write(folder.resolve("bad.pt"), bad), i);
      Program changed = new Program();
      changed.out.reset();
      readOrRefuse(archive(changed.raw(Mutations.of(program, program.length, random)), data), i);
    }
  }

  private static void readOrRefuse(Path file, int round) {
    try (TorchFile opened = TorchFile.open(file)) {
      for (String name : opened.tensors().keySet()) {
        opened.floats(name);
      }
    } catch (FormatException e) {
      assertThat(e.getMessage()).as("round %d", round).doesNotContain("\n").hasSizeLessThan(1000);
    }
  }

  private Path small() {
    Path file = folder.resolve("small.pt");
    TorchWriter.write(
        file,
        List.of(
            new TorchWriter.Tensor("0.weight", List.of(2, 2), new float[] {1, 2, 3, 4}),
            new TorchWriter.Tensor("0.bias", List.of(2), new float[] {5, 6})));
    return file;
  }

  private static byte[] floats(float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }

  private Path archive(Program program, Map<String, byte[]> data) throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("x/data.pkl", program.bytes());
    data.forEach((key, bytes) -> entries.put("x/data/" + key, bytes));
    return zip(entries, true);
  }

  private Path zip(Map<String, byte[]> entries, boolean stored) throws IOException {
    Path file = folder.resolve("x.pt");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.setLevel(Deflater.BEST_SPEED);
      for (Map.Entry<String, byte[]> each : entries.entrySet()) {
        ZipEntry entry = new ZipEntry(each.getKey());
        if (stored) {
          CRC32 checksum = new CRC32();
          checksum.update(each.getValue());
          entry.setMethod(ZipEntry.STORED);
          entry.setSize(each.getValue().length);
          entry.setCrc(checksum.getValue());
        }
        zip.putNextEntry(entry);
        zip.write(each.getValue());
        zip.closeEntry();
      }
    }
    return file;
  }

  /** A pickle, instruction by instruction. */
  private static final class Program {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Program() {
      code(0x80).code(2);
    }

    byte[] bytes() {
      return out.toByteArray();
    }

    Program code(int code) {
      out.write(code);
      return this;
    }

    Program raw(byte[] bytes) {
      out.writeBytes(bytes);
      return this;
    }

    Program global(String module, String name) {
      return code('c').raw((module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    Program text(String text) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      return code('X').little(utf8.length).raw(utf8);
    }

    private Program little(int value) {
      return raw(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    }

    private Program number(int value) {
      return code('J').little(value);
    }

    private Program tuple(int[] numbers) {
      code('(');
      for (int number : numbers) {
        number(number);
      }
      return code('t');
    }

    Program dictionary() {
      return global("collections", "OrderedDict").code(')').code('R');
    }

    void tensor(
        String name,
        String storage,
        String key,
        long elements,
        int offset,
        int[] shape,
        int[] strides) {
      text(name)
          .rebuild()
          .code('(')
          .storage(storage, key, elements)
          .number(offset)
          .tuple(shape)
          .tuple(strides)
          .code(0x89);
      dictionary().code('t').code('R').code('s');
    }

    Program rebuild() {
      return global("torch._utils", "_rebuild_tensor_v2");
    }

    Program storage(String type, String key, long elements) {
      code('(').text("storage").global("torch", type).text(key).text("cpu");
      return number((int) elements).code('t').code('Q');
    }

    Program end() {
      return code('.');
    }
  }
}
