package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class PatternsCommandsTest {
  private static final Path CASE =
      Cli.root().resolve("fixtures/lens-cases/demo-llama/pattern-lens");

  @TempDir Path folder;
  private String save;

  @BeforeEach
  void save() {
    save = folder.resolve("data").toString();
  }

  @Test
  void activationsAndFigures_theCase_writeItsFiles() throws IOException {
    Cli.Ran ran = activations("--max-chars", "120", "--json");
    JsonNode json = ran.isDone().json();
    assertThat(json.propertyNames())
        .containsExactly(
            "model",
            "backend",
            "save_path",
            "name",
            "prepends_bos",
            "done",
            "skipped",
            "failed",
            "failures");
    assertThat(json.path("done").intValue()).isEqualTo(2);
    assertThat(json.path("prepends_bos").booleanValue()).isTrue();
    Cli.Ran drawn =
        Cli.run("patterns", "figures", "demo-llama", "-s", save, "--functions", "raw,log")
            .isClean();
    assertThat(drawn.out()).isEqualTo(save + ": 96 figures drawn, 0 there already, 0 failed\n");
    String hash = "gcH67_OC7ccvuZHP9nEi2Q";
    Path prompt = folder.resolve("data/demo-llama/prompts").resolve(hash);
    assertThat(prompt.resolve("L5/H3/log.png")).exists();
    assertThat(Files.readAllLines(folder.resolve("data/figures.jsonl"))).hasSize(2);
    assertThat(folder.resolve("data/functions.jsonl")).exists();
    assertThat(folder.resolve("data/models.jsonl")).exists();
    assertThat(Files.readAllLines(folder.resolve("data/demo-llama/prompts.jsonl"))).hasSize(2);
    Cli.Ran again = Cli.run("patterns", "figures", "-s", save, "--json").isClean();
    assertThat(again.json().path("skipped").intValue()).isEqualTo(48);
    assertThat(again.json().path("models").get(0).stringValue()).isEqualTo("demo-llama");
  }

  @Test
  void activations_again_goesOnWhereItStopped() {
    activations("-n", "1", "--max-chars", "120").isDone();
    Cli.Ran more = activations("-n", "3", "--max-chars", "120").isDone();
    assertThat(more.out()).endsWith(": 2 prompts recorded, 1 there already, 0 failed\n");
    // Without a file the stored prompts are taken.
    Cli.Ran stored =
        Cli.run("patterns", "activations", "demo-llama", "--bos", "-s", save, "--force").isDone();
    assertThat(stored.out()).endsWith(": 3 prompts recorded, 0 there already, 0 failed\n");
  }

  @Test
  void activations_badPromptInTheMiddle_isToldAtTheEndWithCodeOne() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("p.jsonl"),
            "{\"text\": \"one\"}\nnothing\n{\"text\": \""
                + "too long ".repeat(200)
                + "\"}\n{\"text\": \"two\", \"hash\": \"../x\"}\n{\"text\": \"three\"}\n");
    Cli.Ran ran =
        Cli.run(
            "patterns",
            "activations",
            "demo-gpt2",
            "--bos",
            "-p",
            file.toString(),
            "-s",
            save,
            "--name",
            "org/my model");
    assertThat(ran.code()).isEqualTo(1);
    assertThat(ran.out())
        .isEqualTo(save + "/org-my_model: 2 prompts recorded, 0 there already, 3 failed\n");
    List<String> lines = ran.err().lines().toList();
    assertThat(lines).hasSize(4);
    assertThat(lines.get(0)).contains(file + " line 2: expected valid JSON");
    assertThat(lines.get(1)).contains("expected at most 256 tokens, BOS included");
    assertThat(lines.get(2)).contains("expected a \"hash\" of letters");
    assertThat(lines.get(3))
        .isEqualTo(
            "diopter patterns activations: 3 of 5 prompts failed, the rest is done; run again to try"
                + " those alone");
  }

  @Test
  void activations_rowsThatAreNoPrompts_nameTheirLinesOnce() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("bad.jsonl"),
            "\ufeff{\"text\": \"one\"}\n{\"text\": \"half \\ud800\"}\n{\"text\": \"x\", \"hash\": \"a/b\"}\n");
    Cli.Ran ran =
        Cli.run("patterns", "activations", "demo-gpt2", "--bos", "-p", file.toString(), "-s", save);
    assertThat(ran.code()).isEqualTo(1);
    assertThat(ran.out()).contains(": 1 prompts recorded, 0 there already, 2 failed");
    List<String> lines = ran.err().lines().toList();
    assertThat(lines.get(0)).startsWith("a line: " + file + " line 2: expected ");
    assertThat(lines.get(1))
        .startsWith("a line: " + file + " line 3: expected a \"hash\" of letters");
  }

  @Test
  void activations_tokensOfAnotherModel_areReplaced() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("p.jsonl"),
            "{\"text\": \"Mary and John went\", \"n_tokens\": 1, \"tokens\": [\"x\"]}\n");
    Cli.run("patterns", "activations", "demo-gpt2", "--bos", "-p", file.toString(), "-s", save)
        .isDone();
    JsonNode prompt =
        Json.read("line", Files.readAllBytes(folder.resolve("data/demo-gpt2/prompts.jsonl")));
    assertThat(prompt.path("tokens").size()).isGreaterThan(1);
    assertThat(prompt.path("n_tokens").intValue()).isEqualTo(prompt.path("tokens").size());
    assertThat(prompt.path("tokens").get(0).stringValue()).startsWith("M");
  }

  @Test
  void activations_nameThatBeginsWithADot_isRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("p.jsonl"), "{\"text\": \"one\"}\n");
    String[] command = {
      "patterns", "activations", "demo-gpt2", "-p", file.toString(), "-s", save, "--name", ".hid"
    };
    assertThat(Cli.run(command).failed(2).err()).contains("does not begin with a dot, got '.hid'");
    assertThat(folder.resolve("data/.hid")).doesNotExist();
  }

  @Test
  void activations_folderOfAnotherModel_isRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("p.jsonl"), "{\"text\": \"one\"}\n");
    String[] command = {
      "patterns", "activations", "demo-gpt2", "--bos", "-p", file.toString(), "-s", save
    };
    Cli.run(command).isDone();
    List<String> other = new ArrayList<>(List.of(command));
    other.set(2, "demo-llama");
    other.addAll(List.of("--name", "demo-gpt2"));
    assertThat(Cli.run(other.toArray(String[]::new)).failed(1).err())
        .contains("give another --name");
  }

  @Test
  void activations_aThousandPrompts_resumeWhereTheyStopped() throws IOException {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      rows.add("{\"text\": \"number " + i + "\"}");
    }
    Path file = Files.write(folder.resolve("p.jsonl"), rows);
    String[] command = {
      "patterns", "activations", "demo-gpt2", "--bos", "-p", file.toString(), "-s", save, "--json"
    };
    String[] first = java.util.Arrays.copyOf(command, command.length + 2);
    first[command.length] = "-n";
    first[command.length + 1] = "600";
    assertThat(Cli.run(first).isDone().json().path("done").intValue()).isEqualTo(600);
    JsonNode rest = Cli.run(command).isDone().json();
    assertThat(rest.path("done").intValue()).isEqualTo(400);
    assertThat(rest.path("skipped").intValue()).isEqualTo(600);
  }

  @Test
  void activations_shuffled_dependOnTheSeed() {
    List<String> hashes = new ArrayList<>();
    for (String[] words : new String[][] {{"a", "7"}, {"b", "7"}, {"c", "1"}, {"d", "2"}}) {
      activations(
              "-n", "1", "--max-chars", "40", "--shuffle", "--seed", words[1], "--name", words[0])
          .isDone();
      hashes.add(
          String.join(
              ",", folder.resolve("data").resolve(words[0]).resolve("prompts").toFile().list()));
    }
    assertThat(hashes.get(1)).isEqualTo(hashes.get(0));
    assertThat(hashes.get(2).equals(hashes.get(0)) && hashes.get(3).equals(hashes.get(0)))
        .isFalse();
  }

  @Test
  void index_copiedFolder_listsWhatIsThere() {
    activations("--max-chars", "120").isDone();
    Cli.run("patterns", "figures", "-s", save, "--format", "svg,svgz").isClean();
    folder.resolve("data/figures.jsonl").toFile().delete();
    folder.resolve("data/functions.jsonl").toFile().delete();
    JsonNode json = Cli.run("patterns", "index", "-s", save, "--json").isClean().json();
    assertThat(json.propertyNames())
        .containsExactly(
            "save_path", "models", "prompts", "figures", "done", "skipped", "failed", "failures");
    assertThat(json.path("models").intValue()).isEqualTo(1);
    assertThat(json.path("prompts").intValue()).isEqualTo(2);
    assertThat(json.path("figures").intValue()).isEqualTo(1);
  }

  @Test
  void options_thatCannotBe_areOneLineEach() throws IOException {
    String texts = CASE.resolve("texts.jsonl").toString();
    Path file = Files.writeString(folder.resolve("file"), "");
    failed(
        2,
        "expected --prompts FILE.jsonl, got none, and none are stored in ",
        "activations",
        "demo-gpt2",
        "-s",
        save);
    failed(2, "--raw-prompts: expected --prompts", "activations", "demo-gpt2", "-r", "-s", save);
    failed(
        2,
        "--min-chars, --max-chars: expected --raw-prompts",
        "activations",
        "demo-gpt2",
        "-p",
        texts,
        "--min-chars",
        "3");
    failed(
        2,
        "max chars: expected 1 or more, got 0",
        "activations",
        "demo-gpt2",
        "-p",
        texts,
        "-r",
        "--max-chars",
        "0");
    failed(2, "--seed: expected --shuffle", "activations", "demo-gpt2", "-p", texts, "--seed", "1");
    failed(
        2,
        "--n-samples: expected 0 or more, got -1",
        "activations",
        "demo-gpt2",
        "-p",
        texts,
        "-n",
        "-1");
    failed(
        2,
        "compression level: expected 0 to 9, got 11",
        "activations",
        "demo-gpt2",
        "-p",
        texts,
        "--compress-level",
        "11");
    failed(
        2,
        "--save-path: expected a folder, got the file",
        "activations",
        "demo-gpt2",
        "-p",
        texts,
        "-s",
        file.toString());
    failed(
        2,
        "that does not begin with a dot, got '..'",
        "activations",
        "demo-gpt2",
        "-p",
        texts,
        "-s",
        save,
        "--name",
        "..");
    failed(
        1,
        "none: expected a file of JSON lines, found none",
        "activations",
        "demo-gpt2",
        "-p",
        folder.resolve("none").toString(),
        "-s",
        save);
    failed(
        2,
        "figure functions: expected all, or some of",
        "figures",
        "-s",
        save,
        "--functions",
        "rwa");
    failed(
        2,
        "--format: expected png, svg or svgz, got 'pdf'",
        "figures",
        "-s",
        save,
        "--format",
        "pdf");
    failed(2, "--threads: expected 1 to 1024", "figures", "-s", save, "--threads", "-1");
    failed(1, "expected a stored model, found none", "figures", "nothing", "-s", save);
    failed(
        1,
        "expected stored patterns, found none",
        "figures",
        "-s",
        folder.resolve("no").toString());
  }

  @Test
  void index_ofAModel_listsItsPromptsAlone() throws IOException {
    activations().isDone();
    Path other = Files.createDirectories(folder.resolve("data/other"));
    Files.copy(folder.resolve("data/demo-llama/model_cfg.json"), other.resolve("model_cfg.json"));
    Path list = folder.resolve("data/demo-llama/prompts.jsonl");
    String lines = Files.readString(list);
    Files.delete(list);
    Cli.Ran ran = Cli.run("patterns", "index", "demo-llama", "-s", save).isClean();
    assertThat(ran.out()).isEqualTo(save + ": models 2, prompts 2, figures of each pattern 0\n");
    assertThat(list).hasContent(lines.strip());
    assertThat(other.resolve("prompts.jsonl")).doesNotExist();
    failed(1, "nothing/model_cfg.json: expected a stored model", "index", "nothing", "-s", save);
    failed(
        2,
        "unexpected argument 'demo-llama' (this command takes options only)",
        "serve",
        "demo-llama");
  }

  private static void failed(int code, String message, String... words) {
    String[] all = new String[words.length + 1];
    all[0] = "patterns";
    System.arraycopy(words, 0, all, 1, words.length);
    assertThat(Cli.run(all).failed(code).err()).contains(message);
  }

  private Cli.Ran activations(String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "patterns",
                "activations",
                "demo-llama",
                "--bos",
                "-r",
                "-p",
                CASE.resolve("texts.jsonl").toString(),
                "-s",
                save,
                "--min-chars",
                "20"));
    words.addAll(List.of(more));
    if (!words.contains("-n")) {
      words.addAll(List.of("-n", "2"));
    }
    return Cli.run(words.toArray(String[]::new));
  }
}
