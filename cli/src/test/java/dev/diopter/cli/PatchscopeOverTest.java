package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.formats.Json;
import dev.diopter.formats.Npz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** What patchscope over tells of prompts, controls, tokens that were asked for, and its cost. */
class PatchscopeOverTest {
  @TempDir Path folder;

  private static Cli.Ran over(String... more) {
    List<String> words = new ArrayList<>(List.of("patchscope", "over", "demo-llama", "--bos"));
    words.addAll(List.of(more));
    return Cli.run(words.toArray(String[]::new));
  }

  private static Cli.Ran grid(String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "--source",
                "The capital of Japan is",
                "--source-position",
                "-1",
                "--target",
                "cat is cat; red is red; Rome is",
                "--target-position",
                "-1",
                "--source-layers",
                "1,3,5",
                "--target-layers",
                "0,2"));
    words.addAll(List.of(more));
    return over(words.toArray(String[]::new));
  }

  private Path prompts() throws IOException {
    return Files.writeString(
        folder.resolve("prompts.txt"), "The capital of Japan is\n\nThe capital of France is\n");
  }

  @Test
  void over_prompts_numberTheirCellsInEveryFile() throws IOException {
    String file = prompts().toString();
    Path csv = folder.resolve("p.csv");
    String[] axes = {"--prompts", file, "--preset", "token-identity-demo"};
    JsonNode json =
        over(axes[0], axes[1], axes[2], axes[3], "--control", "shuffled", "--json").isDone().json();
    over(axes[0], axes[1], axes[2], axes[3], "--out", csv.toString()).isDone();
    Path log = folder.resolve("p.jsonl");
    over(axes[0], axes[1], axes[2], axes[3], "--cells", log.toString()).isDone();
    List<String> rows = Files.readAllLines(csv);
    List<String> lines = Files.readAllLines(log);
    assertThat(json.get("cells")).hasSize(14);
    for (int i = 0; i < 14; i++) {
      int prompt = i / 7;
      assertThat(json.get("cells").get(i).get("prompt").intValue()).isEqualTo(prompt);
      JsonNode control = json.get("controls").get("shuffled").get(i);
      assertThat(control.get("prompt").intValue()).isEqualTo(prompt);
      assertThat(rows.get(i + 1)).startsWith("patched," + prompt + ",");
      assertThat(Json.read("line", lines.get(i + 1)).get("prompt").intValue()).isEqualTo(prompt);
    }
    assertThat(grid("--json").isDone().json().get("cells").get(0).has("prompt")).isFalse();
  }

  @Test
  void over_controls_areInTablesAndArraysOfFiles() throws IOException {
    Path csv = folder.resolve("c.csv");
    Path npz = folder.resolve("c.npz");
    grid("--control", "all", "--out", csv.toString()).isDone();
    JsonNode json = grid("--control", "all", "--out", npz.toString(), "--json").isDone().json();
    List<String> rows = Files.readAllLines(csv);
    List<String> sweeps = List.of("patched", "unpatched", "mean", "shuffled");
    assertThat(rows).hasSize(1 + 4 * 6);
    for (int i = 0; i < 4 * 6; i++) {
      assertThat(rows.get(i + 1)).startsWith(sweeps.get(i / 6) + ",0,");
    }
    try (Npz read = Npz.open(npz)) {
      assertThat(read.read("grid.logits").shape()).containsExactly(3, 2, 1024);
      for (String control : sweeps.subList(1, 4)) {
        assertThat(read.read(control + ".logits").shape()).containsExactly(3, 2, 1024);
        JsonNode last = json.get("controls").get(control).get(5);
        float[] logits = read.read(control + ".logits").floats();
        assertThat(logits[5 * 1024 + last.get("top").get(0).get("id").intValue()])
            .isEqualTo(last.get("top").get(0).get("logit").floatValue());
        assertThat(read.read(control + ".generated_ids").ints()[5])
            .isEqualTo(last.get("generated_ids").get(0).intValue());
      }
    }
  }

  @Test
  void over_askedTokens_areInTablesFilesAndFigures() throws IOException {
    String[] asked = {"--token", " Japan", "--control", "unpatched"};
    Path html = folder.resolve("t.html");
    Path csv = folder.resolve("t.csv");
    Path svg = folder.resolve("t.svg");
    JsonNode json =
        grid(asked[0], asked[1], asked[2], asked[3], "--json", "--out", csv.toString())
            .isDone()
            .json();
    String out =
        grid(asked[0], asked[1], asked[2], asked[3], "--figure", html.toString()).isDone().out();
    assertThat(out).contains("patched: probability of ␣Japan", "unpatched: probability of ␣Japan");
    assertThat(Files.readString(html))
        .contains("patched: probability of \u2423Japan", "unpatched: probability of \u2423Japan")
        .doesNotContain("probability of the best token");
    List<String> rows = Files.readAllLines(csv);
    assertThat(rows.getFirst()).endsWith(",text,probability_of_747");
    for (int i = 0; i < 6; i++) {
      double probability =
          json.get("cells").get(i).get("tokens").get(0).get("probability").doubleValue();
      assertThat(rows.get(i + 1)).endsWith("," + probability);
      assertThat(out).contains(Numbers.fixed(probability, 4));
    }
    String lines =
        over(
                "--prompts",
                prompts().toString(),
                "--preset",
                "token-identity-demo",
                "--token",
                " Japan",
                "--figure",
                svg.toString())
            .isDone()
            .out();
    assertThat(lines).contains("probability of ␣Japan");
    assertThat(Files.readString(svg)).contains("Japan");
  }

  @Test
  void over_askedTokensOfOneCell_haveAColumn() {
    String out =
        over(
                "--source",
                "The capital of Japan is",
                "--source-position",
                "-1",
                "--target",
                "Rome is",
                "--target-position",
                "-1",
                "--source-layers",
                "3",
                "--target-layers",
                "2",
                "--token",
                " Japan")
            .isDone()
            .out();
    assertThat(out).contains("P(␣Japan)");
  }

  @Test
  void over_estimate_includesControlsAndTheLogitsThatAreHeld() {
    for (String control : List.of("unpatched", "mean", "shuffled", "permuted", "all")) {
      String[] more = {"--control", control, "--json", "--estimate"};
      JsonNode estimate = grid(more).isDone().json().get("estimate");
      JsonNode done = grid("--control", control, "--json").isDone().json().get("counters");
      assertThat(estimate.get("token_layers")).as(control).isEqualTo(done.get("token_layers"));
      assertThat(estimate.get("unembeddings")).isEqualTo(done.get("unembeddings"));
      assertThat(estimate.get("cells").intValue()).isEqualTo(control.equals("all") ? 24 : 12);
    }
    assertThat(grid("--control", "mean").isDone().out()).contains("controls included");
    String npz = folder.resolve("x.npz").toString();
    long table = bytes();
    assertThat(bytes("--out", npz) - table).isEqualTo(2 * 6 * 1024 * 4);
    assertThat(bytes("--out", npz, "--control", "unpatched") - bytes("--control", "unpatched"))
        .isEqualTo(2 * 12 * 1024 * 4);
  }

  private static long bytes(String... more) {
    List<String> words = new ArrayList<>(List.of(more));
    words.addAll(List.of("--estimate", "--json"));
    JsonNode json = grid(words.toArray(String[]::new)).isDone().json();
    return json.get("estimate").get("bytes").longValue();
  }

  @Test
  void over_promptsOfTokensAsked_averagesTheirProbability() throws IOException {
    JsonNode json =
        over(
                "--prompts",
                prompts().toString(),
                "--preset",
                "token-identity-demo",
                "--token",
                " Japan",
                "--json")
            .isDone()
            .json();
    double sum = 0;
    for (int prompt = 0; prompt < 2; prompt++) {
      JsonNode cell = json.get("cells").get(prompt * 7 + 4);
      sum += cell.get("tokens").get(0).get("probability").doubleValue();
    }
    boolean found = false;
    for (JsonNode line : json.get("lines")) {
      if (line.get("plot").stringValue().startsWith("probability of")
          && line.get("point").stringValue().equals("3")) {
        assertThat(line.get("mean").doubleValue()).isCloseTo(sum / 2, within(1e-12));
        found = true;
      }
    }
    assertThat(found).isTrue();
  }
}
