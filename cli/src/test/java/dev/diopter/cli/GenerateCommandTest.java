package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class GenerateCommandTest {
  private static final String FRANCE = "The capital of France is";

  @Test
  void generate_greedy_printsTheTextAlone() {
    Cli.Ran ran =
        Cli.run("generate", "demo-gpt2", "--bos", FRANCE, "--max-new-tokens", "2").isClean();
    assertThat(ran.out()).isEqualTo(" Paris." + System.lineSeparator());
  }

  @Test
  void generate_json_hasTheKeysThatScriptsRelyOn() {
    JsonNode json =
        Cli.run("generate", "demo-gpt2", "--bos", FRANCE, "--max-new-tokens", "2", "--json")
            .isClean()
            .json();
    assertThat(json.propertyNames())
        .containsExactly("model", "backend", "processing", "prompt_ids", "ids", "text", "stopped");
    assertThat(json.path("prompt_ids")).hasSize(6);
    assertThat(json.path("ids")).hasSize(2);
    assertThat(json.path("ids").get(0).intValue()).isEqualTo(1017);
    assertThat(json.path("text").stringValue()).isEqualTo(" Paris.");
    assertThat(json.path("stopped").stringValue()).isEqualTo("length");
  }

  @Test
  void generate_endOfText_isInTheIdsAndNotInTheText() {
    String[] words = {"generate", "demo-gpt2", "--bos", FRANCE, "--max-new-tokens", "60"};
    JsonNode json = Cli.run(with(words, "--json")).isClean().json();
    assertThat(json.path("stopped").stringValue()).isEqualTo("eos");
    JsonNode ids = json.path("ids");
    assertThat(ids.get(ids.size() - 1).intValue()).isZero();
    assertThat(json.path("text").stringValue()).doesNotContain("endoftext");
    assertThat(Cli.run(words).isClean().out())
        .isEqualTo(json.path("text").stringValue() + System.lineSeparator());
  }

  @Test
  void generate_ignoreEos_goesOnBehindIt() {
    String[] words = {
      "generate", "demo-gpt2", "--bos", FRANCE, "--max-new-tokens", "60", "--ignore-eos"
    };
    JsonNode json = Cli.run(with(words, "--json")).isClean().json();
    assertThat(json.path("ids")).hasSize(60);
    assertThat(json.path("stopped").stringValue()).isEqualTo("length");
    assertThat(Cli.run(words).isClean().out())
        .isEqualTo(json.path("text").stringValue() + System.lineSeparator());
  }

  @Test
  void generate_sampling_repeatsWithItsSeed() {
    String[] words = {
      "generate",
      "demo-gpt2",
      "--bos",
      "Mary",
      "--max-new-tokens",
      "20",
      "--temperature",
      "1.5",
      "--json"
    };
    String first = Cli.run(with(words, "--seed", "1")).isClean().out();
    assertThat(Cli.run(with(words, "--seed", "1")).isClean().out()).isEqualTo(first);
    assertThat(Cli.run(with(words, "--seed", "2")).isClean().json().path("ids"))
        .isNotEqualTo(Cli.run(with(words, "--seed", "1")).json().path("ids"));
    assertThat(Cli.run(with(words, "--seed", "7")).isClean().json().path("seed").intValue())
        .isEqualTo(7);
  }

  @Test
  void generate_topKOfOne_isGreedy() {
    String[] words = {"generate", "demo-gpt2", "--bos", FRANCE, "--max-new-tokens", "5", "--json"};
    assertThat(
            Cli.run(with(words, "--temperature", "2", "--top-k", "1")).isClean().json().path("ids"))
        .isEqualTo(Cli.run(words).isClean().json().path("ids"));
  }

  @Test
  void generate_samplingOptionsWithoutTemperature_areSaidToDoNothing() {
    Cli.Ran ran =
        Cli.run("generate", "demo-gpt2", "--ids", "0", "--max-new-tokens", "1", "--seed", "3")
            .isDone();
    assertThat(ran.err())
        .isEqualTo("note: --top-k, --top-p and --seed change nothing without --temperature\n");
  }

  @Test
  void generate_checkpointWithoutTokenizer_printsIds() {
    Cli.Ran ran =
        Cli.run(
                "generate",
                Cli.fixture("gpt2-tiny"),
                "--ids",
                "1,2",
                "--max-new-tokens",
                "3",
                "--ignore-eos")
            .isClean();
    assertThat(ran.out()).matches("\\d+,\\d+,\\d+\\R");
    JsonNode json =
        Cli.run(
                "generate",
                Cli.fixture("gpt2-tiny"),
                "--ids",
                "1,2",
                "--max-new-tokens",
                "3",
                "--ignore-eos",
                "--json")
            .isClean()
            .json();
    assertThat(json.path("text").isNull()).isTrue();
  }

  @Test
  void generate_plan_actsAtItsSteps(@TempDir Path folder) throws IOException {
    Path plan =
        Files.writeString(
            folder.resolve("plan.json"),
            """
            {"edits": [{"hook": "blocks.*.hook_attn_out", "steps": "all", "op": "zero"}]}
            """);
    String[] words = {
      "generate", "demo-gpt2", "--bos", FRANCE, "--max-new-tokens", "5", "--ignore-eos", "--json"
    };
    assertThat(Cli.run(with(words, "--edit", plan.toString())).isClean().json().path("ids"))
        .isNotEqualTo(Cli.run(words).isClean().json().path("ids"));
  }

  @Test
  void generate_endOfTheContext_isSaid() {
    Cli.Ran ran =
        Cli.run(
            "generate",
            "demo-gpt2",
            "--ids",
            "0",
            "--max-new-tokens",
            "300",
            "--ignore-eos",
            "--json");
    assertThat(ran.isDone().json().path("stopped").stringValue()).isEqualTo("context");
    assertThat(ran.err())
        .isEqualTo("note: stopped at the end of the model's context of 256 tokens\n");
  }

  @Test
  void generate_verbose_tellsSpeedAndReason() {
    Cli.Ran ran =
        Cli.run("generate", "demo-gpt2", "--ids", "0", "--max-new-tokens", "2", "--verbose")
            .isDone();
    assertThat(ran.err())
        .contains("loaded demo-gpt2 on ", "generated 2 tokens in ", "stopped: length");
  }

  private static String[] with(String[] words, String... more) {
    String[] all = java.util.Arrays.copyOf(words, words.length + more.length);
    System.arraycopy(more, 0, all, words.length, more.length);
    return all;
  }
}
