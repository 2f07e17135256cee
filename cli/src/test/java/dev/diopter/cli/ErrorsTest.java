package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Whatever is wrong: one line, the right exit code, no partial file. */
class ErrorsTest {
  private static final String TINY = Cli.fixture("gpt2-tiny");

  @TempDir Path folder;

  static Stream<Arguments> commandLines() {
    return Stream.of(
        arguments("diopter: missing COMMAND: one of demo, run, ", List.of()),
        arguments("diopter: unknown command rum; nearest: run; see diopter --help", List.of("rum")),
        arguments(
            "diopter models: unknown command ifno; nearest: info; ", List.of("models", "ifno")),
        arguments("diopter models: missing COMMAND: one of list, info; ", List.of("models")),
        arguments(
            "diopter patterns: missing COMMAND: one of activations, figures, index, serve; ",
            List.of("patterns")),
        arguments("diopter run: missing MODEL; see diopter run --help", List.of("run")),
        arguments(
            "diopter cache: missing --hooks NAMES, --out FILE.npz; ", List.of("cache", "m", "p")),
        arguments(
            "diopter run: unknown option --tpo; nearest: --top; ",
            List.of("run", "m", "p", "--tpo=3")),
        arguments(
            "diopter run: unknown option -5 degrees (a prompt that starts with - goes behind --); ",
            List.of("run", "m", "-5 degrees")),
        arguments(
            "diopter run: unexpected argument 'two' (a prompt of ",
            List.of("run", "m", "one", "two")),
        arguments(
            "diopter run: invalid value for option '--top': 'x' is not an int; ",
            List.of("run", "m", "p", "--top", "x")),
        arguments(
            "diopter run: --threads: expected 1 to 1024, or 0 for all cores, got 100000",
            List.of("run", "demo-gpt2", "p", "--threads", "100000")),
        arguments(
            "diopter run: --top: expected 1 or more, got 0",
            List.of("run", "m", "p", "--top", "0")),
        arguments(
            "diopter run: expected exactly one of PROMPT, --ids and --ids-file, got none",
            List.of("run", "demo-gpt2")),
        arguments(
            "diopter run: expected exactly one of PROMPT, --ids and --ids-file, got two of them",
            List.of("run", "demo-gpt2", "text", "--ids", "1")),
        arguments(
            "diopter run: --ids: expected numbers ", List.of("run", "demo-gpt2", "--ids", "1,x")),
        arguments(
            "diopter run: --ids: expected numbers ", List.of("run", "demo-gpt2", "--ids", "")),
        arguments(
            "diopter run: --no-special: expected a text ",
            List.of("run", "demo-gpt2", "--ids", "1", "--no-special")),
        arguments(
            "diopter run: --backend: expected one of auto, cpu, ",
            List.of("run", "m", "p", "--backend", "gpu")),
        arguments(
            "diopter run: --threads: expected 1 to 1024, ",
            List.of("run", "m", "p", "--threads", "-1")),
        arguments(
            "diopter generate: max new tokens: expected 1 or ",
            List.of("generate", "m", "p", "--max-new-tokens", "0")),
        arguments(
            "diopter generate: top-p: expected more than 0 ",
            List.of("generate", "m", "p", "--top-p", "1.5")),
        arguments(
            "diopter generate: temperature: expected 0 or ",
            List.of("generate", "m", "p", "--temperature", "-1")));
  }

  @ParameterizedTest
  @MethodSource("commandLines")
  void commandLine_wrong_isAUsageError(String message, List<String> words) {
    assertThat(Cli.run(words.toArray(String[]::new)).failed(2).err()).startsWith(message);
  }

  static Stream<Arguments> hooks() {
    return Stream.of(
        arguments(
            "demo-gpt2", "blocks.3.attn.hook_patern", "did you mean blocks.3.attn.hook_pattern?"),
        arguments("demo-gpt2", "pattern9", "9"),
        arguments("demo-gpt2", "blocks.0.attn.hook_rot_q", "no rotation"),
        arguments("demo-llama", "hook_pos_embed", "rotary positions"),
        arguments("demo-gpt2", "", "hook"));
  }

  @ParameterizedTest
  @MethodSource("hooks")
  void hookName_wrong_isAUsageErrorAndLeavesNoFile(String model, String hook, String message) {
    Path file = folder.resolve("out.npz");
    Cli.Ran ran =
        Cli.run("cache", model, "--ids", "0,1", "--hooks", hook, "--out", file.toString());
    assertThat(ran.failed(2).err()).contains(message);
    assertThat(folder).isEmptyDirectory();
  }

  static Stream<Arguments> plans() {
    return Stream.of(
        arguments("head", "{'hook': 'blocks.1.attn.hook_z', 'heads': [4], 'op': 'zero'}"),
        arguments(
            "position", "{'hook': 'blocks.1.hook_resid_pre', 'positions': [7], 'op': 'zero'}"),
        arguments(
            "blocks.1.hook_resid_pre",
            "{'hook': 'blocks.1.hook_resid_pre', 'op': 'add', 'value': [1, 2]}"),
        arguments("did you mean", "{'hook': 'blocks.1.hook_resid_pra', 'op': 'zero'}"));
  }

  @ParameterizedTest
  @MethodSource("plans")
  void plan_thatDoesNotFit_isAUsageError(String message, String edit) throws IOException {
    Path plan = folder.resolve("plan.json");
    Files.writeString(plan, "{\"edits\": [%s]}".formatted(edit.replace('\'', '"')));
    Cli.Ran ran = Cli.run("run", "demo-gpt2", "--ids", "0,1", "--edit", plan.toString());
    assertThat(ran.failed(2).err()).contains(message);
  }

  @Test
  void planFile_missingOrBroken_fails() throws IOException {
    Path missing = folder.resolve("missing.json");
    assertThat(
            Cli.run("run", "demo-gpt2", "--ids", "0", "--edit", missing.toString()).failed(1).err())
        .contains("missing.json");
    Path broken = Files.writeString(folder.resolve("broken.json"), "{\"edits\": [");
    assertThat(
            Cli.run("run", "demo-gpt2", "--ids", "0", "--edit", broken.toString()).failed(1).err())
        .contains("broken.json");
  }

  static Stream<Arguments> prompts() {
    String long300 = IntStream.range(0, 300).mapToObj(i -> "1").collect(Collectors.joining(","));
    return Stream.of(
        arguments("the prompt is empty", List.of("run", "demo-gpt2", "")),
        arguments("1024", List.of("run", "demo-gpt2", "--ids", "1,1024")),
        arguments("-1", List.of("run", "demo-gpt2", "--ids=-1")),
        arguments("256", List.of("run", "demo-gpt2", "--ids", long300)),
        arguments("tokenizer", List.of("run", TINY, "text")),
        arguments("did you mean demo-gpt2?", List.of("run", "demo-gpt3", "text")),
        arguments("expected a model", List.of("hooks", "no/such-model")),
        arguments("expected a model", List.of("models", "info", "no/such-model")),
        arguments("no-such-file", List.of("run", "demo-gpt2", "--ids-file", "no-such-file")));
  }

  @ParameterizedTest
  @MethodSource("prompts")
  void promptOrModel_thatCannotBeRun_fails(String message, List<String> words) {
    assertThat(Cli.run(words.toArray(String[]::new)).failed(1).err()).contains(message);
  }

  @Test
  void bos_ofAModelThatHasNone_fails() throws IOException {
    Path copy = Files.createDirectory(folder.resolve("plain"));
    Files.copy(Path.of(TINY, "model.safetensors"), copy.resolve("model.safetensors"));
    String config =
        Files.readString(Path.of(TINY, "config.json"))
            .replaceAll("\"bos_token_id\": *\\d+", "\"bos_token_id\": null");
    Files.writeString(copy.resolve("config.json"), config);
    assertThat(Cli.run("run", copy.toString(), "--ids", "1", "--bos").failed(1).err())
        .contains("no BOS id: leave --bos out");
  }

  @Test
  void backend_notAvailable_fails() {
    boolean usable = false;
    for (JsonNode found : Cli.run("doctor", "--json").isClean().json().path("backends")) {
      usable |= found.path("name").stringValue().equals("cuda") && found.path("ok").booleanValue();
    }
    org.junit.jupiter.api.Assumptions.assumeFalse(usable, "this machine has a GPU");
    for (String name : List.of("cuda", "cuda-tf32", "cuda-bf16")) {
      assertThat(Cli.run("run", "demo-gpt2", "--ids", "0", "--backend", name).failed(1).err())
          .startsWith("diopter run: ")
          .contains("; install NVIDIA's driver");
    }
    assertThat(Cli.run("gpu-selftest").failed(1).err())
        .startsWith("diopter gpu-selftest: ")
        .contains("; install NVIDIA's driver");
    assertThat(Cli.run("gpu-selftest", "--rows", "3").failed(2).err())
        .contains("--rows: expected 4 or more, got 3");
  }

  @Test
  void checkpoint_truncated_fails() throws IOException {
    Path source = Path.of(TINY);
    Path copy = Files.createDirectory(folder.resolve("broken"));
    Files.copy(source.resolve("config.json"), copy.resolve("config.json"));
    byte[] weights = Files.readAllBytes(source.resolve("model.safetensors"));
    Files.write(
        copy.resolve("model.safetensors"), java.util.Arrays.copyOf(weights, weights.length / 2));
    assertThat(Cli.run("run", copy.toString(), "--ids", "0").failed(1).err())
        .contains("model.safetensors");
  }

  @Test
  void output_thatCannotBeWritten_failsBeforeTheModelIsOpened() {
    Path missing = folder.resolve("missing");
    String inMissing = missing.resolve("a").toString();
    String[] files = {folder.toString(), inMissing};
    String[] reasons = {
      folder + ": cannot be written: it is a folder; give a file name\n",
      "%s: cannot be written: the folder %s does not exist; create it first\n"
          .formatted(inMissing, missing)
    };
    for (int i = 0; i < files.length; i++) {
      // The model does not exist, which would be reported first if it were opened.
      assertThat(
              Cli.run("cache", "no-model", "p", "--hooks", "*", "--out", files[i]).failed(1).err())
          .isEqualTo("diopter cache: " + reasons[i]);
      assertThat(Cli.run("run", "no-model", "p", "--out", files[i]).failed(1).err())
          .isEqualTo("diopter run: " + reasons[i]);
      assertThat(Cli.run("doctor", "--out", files[i]).failed(1).err())
          .isEqualTo("diopter doctor: " + reasons[i]);
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void error_verbose_showsTheStackTrace() {
    Cli.Ran ran = Cli.run("run", "demo-gpt3", "text", "--verbose");
    assertThat(ran.code()).isEqualTo(1);
    assertThat(ran.err()).contains("\tat dev.diopter.");
  }

  @Test
  void error_withControlCharacters_isHarmless() {
    assertThat(Cli.run("run", "x\u001b[2Jy", "text").failed(1).err()).doesNotContain("\u001b");
    assertThat(Cli.run("run", "m", "--x\u001b[2Jy").failed(2).err())
        .startsWith("diopter run: unknown option --x\\u{1b}[2Jy ");
  }
}
