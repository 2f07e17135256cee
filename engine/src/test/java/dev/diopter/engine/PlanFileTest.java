package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.NpzWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PlanFileTest {
  @TempDir Path folder;

  private static Operation edit(String keys) {
    return PlanFile.parse("plan", "{\"edits\": [{\"hook\": \"z0\", " + keys + "}]}")
        .edits()
        .getFirst()
        .operation();
  }

  private static Operation.Value value(float... numbers) {
    return Operation.Value.of(numbers);
  }

  @Test
  void parse_theExampleOfTheRules_isThePlan() {
    String text =
        """
        {"reads": [{"hook": "blocks.*.hook_resid_post", "positions": [-1], "when": "after"}],
         "edits": [{"hook": "blocks.1.attn.hook_z", "heads": [3], "op": "zero"},
                   {"hook": "blocks.0.hook_resid_post", "positions": [9], "op": "replace", "value": [0.1, 0.2]},
                   {"hook": "blocks.2.attn.hook_pattern", "heads": [0], "positions": [5], "keys": [0, 1], "op": "knockout"},
                   {"hook": "blocks.4.hook_mlp_out", "steps": "all", "op": "scale", "value": 0.5}]}
        """;
    assertThat(PlanFile.parse("plan", text))
        .isEqualTo(
            HookPlan.builder()
                .read("blocks.*.hook_resid_post", Selection.ALL.positions(-1))
                .zero("blocks.1.attn.hook_z", Selection.ALL.heads(3))
                .replace("blocks.0.hook_resid_post", Selection.ALL.positions(9), 0.1f, 0.2f)
                .knockout(
                    "blocks.2.attn.hook_pattern", Selection.ALL.heads(0).positions(5).keys(0, 1))
                .scale("blocks.4.hook_mlp_out", Selection.ALL.steps(Steps.ALL), 0.5f)
                .build());
  }

  @Test
  void parse_everyOperation_isRead() {
    assertThat(edit("\"op\": \"replace\", \"value\": [1, 2], \"broadcast\": true"))
        .isEqualTo(new Operation.Replace(value(1, 2), true));
    assertThat(edit("\"op\": \"add\", \"value\": [1, 2], \"broadcast\": true"))
        .isEqualTo(new Operation.Add(value(1, 2)));
    assertThat(edit("\"op\": \"replace\", \"value\": [1, 2], \"broadcast\": false"))
        .isEqualTo(new Operation.Replace(value(1, 2), false));
    assertThat(edit("\"op\": \"add\", \"value\": [[1, 2], [3, 4], [5, 6]]"))
        .isEqualTo(
            new Operation.Add(
                new Operation.Value(new int[] {3, 2}, new float[] {1, 2, 3, 4, 5, 6})));
    assertThat(edit("\"op\": \"scale\", \"value\": -2")).isEqualTo(new Operation.Scale(-2));
    assertThat(edit("\"op\": \"zero\"")).isEqualTo(new Operation.Zero());
    assertThat(edit("\"op\": \"mean\", \"value\": [[1], [2]]"))
        .isEqualTo(new Operation.Mean(new Operation.Value(new int[] {2, 1}, new float[] {1, 2})));
    assertThat(edit("\"op\": \"interpolate\", \"value\": [1], \"weight\": 0.25"))
        .isEqualTo(new Operation.Interpolate(value(1), 0.25f));
    assertThat(edit("\"op\": \"project_out\", \"value\": [1, 0]"))
        .isEqualTo(new Operation.ProjectOut(value(1, 0)));
    assertThat(edit("\"op\": \"noise\", \"standard_deviation\": 0.5, \"seed\": -9000000000"))
        .isEqualTo(new Operation.Noise(0.5f, -9_000_000_000L));
    assertThat(edit("\"op\": \"noise\", \"standard_deviation\": 1"))
        .isEqualTo(new Operation.Noise(1, 0));
    assertThat(edit("\"op\": \"knockout\"")).isEqualTo(new Operation.Knockout());
  }

  @Test
  void parse_selectorsAndMarks_areRead() {
    HookPlan plan =
        PlanFile.parse(
            "plan",
            """
            {"reads": [{"hook": "embed", "when": "before", "steps": [2, 0], "sequences": [-1]}],
             "edits": [{"hook": "pattern0", "op": "zero", "keys": [1], "heads": [0, -1], "allow_non_finite": true}]}
            """);
    assertThat(plan.reads())
        .containsExactly(
            new Read("embed", Selection.ALL.steps(Steps.of(0, 2)).sequences(-1), Read.When.BEFORE));
    assertThat(plan.edits())
        .containsExactly(
            new Edit("pattern0", Selection.ALL.keys(1).heads(0, -1), new Operation.Zero(), true));
  }

  @Test
  void parse_numberBeyondAllDoubles_isAFormatError() {
    String huge = "1" + "0".repeat(400);
    assertThatThrownBy(() -> edit("\"op\": \"scale\", \"value\": " + huge))
        .isInstanceOf(FormatException.class)
        .hasMessageNotContaining("\n");
  }

  @Test
  void parse_numbersThatJsonHasNotGot_areStrings() {
    assertThat(edit("\"op\": \"add\", \"value\": [\"NaN\", \"Infinity\", \"-Infinity\", 1e-300]"))
        .isEqualTo(
            new Operation.Add(
                value(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 0)));
    assertThat(edit("\"op\": \"scale\", \"value\": \"NaN\""))
        .isEqualTo(new Operation.Scale(Float.NaN));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        // an edit without its hook | message
        "`\"op\": \"zero\", \"heds\": [1]`|edits[0]: unknown key \"heds\"; expected hook, sequences, positions, heads, keys, steps, op, allow_non_finite",
        "`\"op\": \"zero\", \"when\": \"after\"`|edits[0]: unknown key \"when\"",
        "`\"op\": \"zero\", \"value\": 1`|edits[0].value: op zero has no such key; it has none of its own",
        "`\"op\": \"noise\", \"standard_deviation\": 1, \"value\": 1`|edits[0].value: op noise has no such key; it has standard_deviation, seed",
        "`\"op\": \"add\", \"value\": [[1], [2]], \"broadcast\": true`|edits[0].value: expected one vector to broadcast, found shape [2, 1]",
        "`\"op\": \"scale\", \"value\": 1, \"broadcast\": true`|edits[0].broadcast: op scale has no such key; it has value",
        "`\"op\": \"zer\"`|edits[0].op: expected one of replace, add, scale, zero, mean, interpolate, project_out, noise, knockout; found \"zer\"",
        "`\"op\": \"function\"`|edits[0].op: expected one of",
        "`\"op\": 3`|edits[0].op: expected a text, found 3",
        "`\"heads\": [1]`|edits[0]: expected a key \"op\", found none",
        "`\"op\": \"add\"`|edits[0]: expected a key \"value\", found none",
        "`\"op\": \"interpolate\", \"value\": [1]`|edits[0]: expected a key \"weight\", found none",
        "`\"op\": \"noise\"`|edits[0]: expected a key \"standard_deviation\", found none",
        "`\"op\": \"scale\", \"value\": [1]`|edits[0].value: expected a number of 32-bit floating point, found a list of 1",
        "`\"op\": \"scale\", \"value\": \"2\"`|edits[0].value: expected a number of 32-bit floating point, found \"2\"",
        "`\"op\": \"scale\", \"value\": 1e39`|edits[0].value: expected a number of 32-bit floating point, found 1.0E39",
        "`\"op\": \"scale\", \"value\": null`|edits[0].value: expected a number of 32-bit floating point, found null",
        "`\"op\": \"add\", \"value\": 1`|edits[0].value: expected a list of numbers or",
        "`\"op\": \"add\", \"value\": []`|edits[0].value: expected numbers, found an empty list",
        "`\"op\": \"add\", \"value\": [[]]`|edits[0].value: expected numbers, found an empty list",
        "`\"op\": \"add\", \"value\": [1, true]`|edits[0].value[1]: expected a number of 32-bit floating point, found true",
        "`\"op\": \"add\", \"value\": [1, 1e39]`|edits[0].value[1]: expected a number of 32-bit floating point, found 1.0E39",
        "`\"op\": \"add\", \"value\": [[1, 2], [3]]`|edits[0].value[1]: expected a list of 2 as in the first, found a list of 1",
        "`\"op\": \"add\", \"value\": [[1, 2], 3]`|edits[0].value[1]: expected a list of 2 as in the first, found 3",
        "`\"op\": \"add\", \"value\": [[1, 2], [3, [4]]]`|edits[0].value[1][1]: expected a number of 32-bit floating point, found a list of 1",
        "`\"op\": \"zero\", \"positions\": 3`|edits[0].positions: expected a list of whole numbers, found 3",
        "`\"op\": \"zero\", \"positions\": []`|edits[0].positions: expected a list of whole numbers, found an empty list",
        "`\"op\": \"zero\", \"positions\": [0, 1.5]`|edits[0].positions[1]: expected a whole number, found 1.5",
        "`\"op\": \"zero\", \"heads\": [\"0\"]`|edits[0].heads[0]: expected a whole number, found \"0\"",
        "`\"op\": \"zero\", \"keys\": [3000000000]`|edits[0].keys[0]: expected a whole number, found 3000000000",
        "`\"op\": \"zero\", \"sequences\": null`|edits[0].sequences: expected a list of whole numbers, found null",
        "`\"op\": \"zero\", \"steps\": \"some\"`|edits[0].steps: expected \"all\" or a list of whole numbers, found \"some\"",
        "`\"op\": \"zero\", \"steps\": [-1]`|edits[0].steps: expected numbers from 0, found -1",
        "`\"op\": \"zero\", \"steps\": 1`|edits[0].steps: expected a list of whole numbers, found 1",
        "`\"op\": \"zero\", \"allow_non_finite\": 1`|edits[0].allow_non_finite: expected true or false, found 1",
        "`\"op\": \"replace\", \"value\": [1], \"broadcast\": \"yes\"`|edits[0].broadcast: expected true or false, found \"yes\"",
        "`\"op\": \"noise\", \"standard_deviation\": 1, \"seed\": 1.5`|edits[0].seed: expected a whole number of 64 bits, found 1.5",
        "`\"op\": \"add\", \"value\": {\"npz\": \"a.npz\", \"name\": \"a\"}`|edits[0].value.npz: expected numbers here; only plan files can name array files",
        "`\"op\": \"add\", \"value\": {\"npz\": \"a.npz\"}`|edits[0].value: expected a key \"name\", found none",
        "`\"op\": \"add\", \"value\": {\"npy\": \"a\"}`|edits[0].value: unknown key \"npy\"; expected npz, name",
      })
  void parse_wrongEdit_namesThePlace(String keys, String message) {
    assertThatThrownBy(() -> edit(keys))
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith("plan: " + message)
        .message()
        .hasLineCount(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[]|plan: expected an object, found an empty list",
        "3|plan: expected an object, found 3",
        "{}|plan: expected \"reads\" or \"edits\", found neither",
        "{\"edit\": []}|plan: unknown key \"edit\"; expected reads, edits",
        "{\"edits\": {}}|plan: edits: expected a list, found an object",
        "{\"edits\": [3]}|plan: edits[0]: expected an object, found 3",
        "{\"reads\": [{}]}|plan: reads[0]: expected a key \"hook\", found none",
        "{\"reads\": [{\"hook\": \" \"}]}|plan: reads[0].hook: expected a text",
        "{\"reads\": [{\"hook\": \"embed\"}, {\"hook\": 3}]}|plan: reads[1].hook: expected a text, found 3",
        "{\"reads\": [{\"hook\": \"embed\", \"when\": \"during\"}]}|plan: reads[0].when: expected \"before\" or \"after\", found \"during\"",
        "{\"reads\": [{\"hook\": \"embed\", \"op\": \"zero\"}]}|plan: reads[0]: unknown key \"op\"",
        "{\"reads\": [], \"reads\": []}|plan: expected valid JSON",
        "{\"reads\": []} 3|plan: expected one JSON value",
      })
  void parse_wrongDocument_namesThePlace(String text, String message) {
    assertThatThrownBy(() -> PlanFile.parse("plan", text))
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith(message)
        .message()
        .hasLineCount(1);
  }

  @Test
  void parse_firstListsLongerThanAll_areRefusedBeforeTheyAreCounted() {
    String ones = "[" + "1,".repeat(2000) + "1]";
    String nested = "[[" + ones + ",1".repeat(2000) + "]" + ",1".repeat(2000) + "]";
    assertThatThrownBy(() -> edit("\"op\": \"add\", \"value\": " + nested))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("edits[0].value: expected lists of equal lengths");
  }

  private Path plan(String npz, String name) throws Exception {
    Path file = folder.resolve("plan.json");
    Files.writeString(
        file,
        "{\"edits\": [{\"hook\": \"z0\", \"op\": \"add\", \"value\": {\"npz\": \"%s\", \"name\": \"%s\"}}]}"
            .formatted(npz, name));
    return file;
  }

  private void array(Path file) throws Exception {
    Files.createDirectories(file.getParent());
    NpzWriter.write(
        file,
        NpzWriter.Packing.STORED,
        out -> out.floats("vector", List.of(2, 1), new float[] {1.5f, Float.NaN}));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.npz", "./a.npz", "below/a.npz", "below/../a.npz"})
  void read_arrayFileInTheFolder_isTheValue(String name) throws Exception {
    Files.createDirectories(folder.resolve("below"));
    array(folder.resolve(name).normalize());
    assertThat(PlanFile.read(plan(name, "vector")).edits().getFirst().operation())
        .isEqualTo(
            new Operation.Add(
                new Operation.Value(new int[] {2, 1}, new float[] {1.5f, Float.NaN})));
  }

  @Test
  void read_arrayFileElsewhere_isRefused() throws Exception {
    Path inner = Files.createDirectories(folder.resolve("inner"));
    array(folder.resolve("outside.npz"));
    Files.createSymbolicLink(inner.resolve("link.npz"), folder.resolve("outside.npz"));
    Files.createDirectories(inner.resolve("folder.npz"));
    for (String name :
        List.of(
            "../outside.npz",
            folder.resolve("outside.npz").toString(),
            "link.npz",
            "folder.npz",
            "x/../../outside.npz")) {
      Path plan =
          Files.move(
              plan(name, "vector"),
              inner.resolve("plan.json"),
              java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      assertThatThrownBy(() -> PlanFile.read(plan))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining(
              "edits[0].value.npz: expected a file in the folder of the plan file or below it, found \""
                  + name);
    }
  }

  @Test
  void read_arrayFileElsewhereThatIsNotThere_isRefusedLikeOneThatIs() throws Exception {
    for (String name : List.of("../none.npz", folder.resolveSibling("none.npz").toString())) {
      assertThatThrownBy(() -> PlanFile.read(plan(name, "vector")))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("expected a file in the folder of the plan file or below it");
    }
  }

  @Test
  void read_arrayFileThatIsNotThere_isNamed() throws Exception {
    assertThatThrownBy(() -> PlanFile.read(plan("none.npz", "vector")))
        .isInstanceOf(FormatException.class)
        .hasMessage(
            folder.resolve("plan.json")
                + ": edits[0].value.npz: expected an .npz file, found none named \"none.npz\"");
    array(folder.resolve("a.npz"));
    assertThatThrownBy(() -> PlanFile.read(plan("a.npz", "vectr")))
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith(folder.resolve("plan.json") + ": edits[0].value: ")
        .hasMessageContaining("vectr");
    Files.writeString(folder.resolve("a.npz"), "no zip");
    assertThatThrownBy(() -> PlanFile.read(plan("a.npz", "vector")))
        .isInstanceOf(FormatException.class)
        .message()
        .hasLineCount(1);
  }

  @Test
  void read_noFile_isNamed() {
    assertThatThrownBy(() -> PlanFile.read(folder.resolve("none.json")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("none.json");
  }

  @Test
  void toJson_function_isRefused() {
    HookPlan plan = HookPlan.builder().zero("z0").function("z0", Selection.ALL, view -> {}).build();
    assertThatThrownBy(() -> PlanFile.toJson(plan))
        .isInstanceOf(UsageException.class)
        .hasMessage("edits[1]: a function cannot be written to a plan file");
  }

  @Test
  void toJson_defaults_areLeftOut() {
    assertThat(
            Json.compact(PlanFile.toJson(HookPlan.builder().read("embed").scale("z0", 2).build())))
        .isEqualTo(
            "{\"reads\":[{\"hook\":\"embed\"}],\"edits\":[{\"hook\":\"z0\",\"op\":\"scale\",\"value\":2.0}]}");
    assertThat(PlanFile.parse("plan", Json.compact(PlanFile.toJson(HookPlan.NONE))))
        .isEqualTo(HookPlan.NONE);
  }

  @RepeatedTest(100)
  void write_anyPlan_readsBackEqual(RepetitionInfo info) {
    Random random = new Random(info.getCurrentRepetition());
    HookPlan plan = plan(random);
    Path file = folder.resolve("plan.json");
    PlanFile.write(plan, file);
    assertThat(PlanFile.read(file)).isEqualTo(plan);
  }

  private static HookPlan plan(Random random) {
    List<Read> reads = new ArrayList<>();
    for (int i = random.nextInt(3); i > 0; i--) {
      reads.add(
          new Read(
              "blocks.*.hook_resid_pre",
              selection(random),
              random.nextBoolean() ? Read.When.BEFORE : Read.When.AFTER));
    }
    List<Edit> edits = new ArrayList<>();
    for (int i = random.nextInt(6); i > 0; i--) {
      edits.add(new Edit("z:" + i, selection(random), operation(random), random.nextBoolean()));
    }
    return new HookPlan(reads, edits);
  }

  private static Selection selection(Random random) {
    Selection where = Selection.ALL;
    where = random.nextBoolean() ? where.positions(random.nextInt(), 3) : where;
    where = random.nextBoolean() ? where.heads(random.nextInt(9) - 4) : where;
    where = random.nextBoolean() ? where.keys(0, 2, 1) : where;
    where = random.nextBoolean() ? where.sequences(-1) : where;
    return switch (random.nextInt(3)) {
      case 0 -> where;
      case 1 -> where.steps(Steps.ALL);
      default -> where.steps(Steps.of(random.nextInt(4), 4));
    };
  }

  private static Operation operation(Random random) {
    int[] shape =
        random.nextBoolean()
            ? new int[] {1 + random.nextInt(5)}
            : new int[] {1 + random.nextInt(3), 1, 2};
    float[] data = new float[shape.length == 1 ? shape[0] : shape[0] * 2];
    for (int i = 0; i < data.length; i++) {
      // Any bits at all, but for the many that mean NaN: those become one.
      data[i] = Float.intBitsToFloat(random.nextInt());
      data[i] = Float.isNaN(data[i]) ? Float.NaN : data[i];
    }
    Operation.Value value = new Operation.Value(shape, data);
    return switch (random.nextInt(9)) {
      case 0 -> new Operation.Replace(value, random.nextBoolean());
      case 1 -> new Operation.Add(value);
      case 2 -> new Operation.Scale(data[0]);
      case 3 -> new Operation.Zero();
      case 4 -> new Operation.Mean(value);
      case 5 -> new Operation.Interpolate(value, random.nextFloat());
      case 6 -> new Operation.ProjectOut(value);
      case 7 -> new Operation.Noise(random.nextFloat(), random.nextLong());
      default -> new Operation.Knockout();
    };
  }
}
