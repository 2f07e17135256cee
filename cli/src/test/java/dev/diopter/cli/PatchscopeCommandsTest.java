package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Npz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The patchscope commands. */
class PatchscopeCommandsTest {
  private static final String SOURCE = "The capital of Japan is";
  private static final String TARGET = "cat is cat; red is red; Mary is Mary; sun is sun; Rome is";

  @TempDir Path folder;

  private static String[] words(String command, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "patchscope",
                command,
                "demo-gpt2",
                "--source",
                SOURCE,
                "--source-position",
                "-1",
                "--target",
                TARGET,
                "--target-position",
                "-1"));
    words.addAll(List.of(more));
    return words.toArray(String[]::new);
  }

  @Test
  void run_obvsCase_givesItsIds() {
    JsonNode json =
        Cli.run(
                words(
                    "run",
                    "--source-layer",
                    "3",
                    "--target-layer",
                    "2",
                    "--max-new-tokens",
                    "6",
                    "--ignore-eos",
                    "--json"))
            .isDone()
            .json();
    assertThat(json.get("generated_ids").toString()).isEqualTo("[359,980,27,0,278,309]");
    assertThat(json.get("source_ids").size()).isEqualTo(5);
    assertThat(json.get("target_ids").size()).isEqualTo(21);
    assertThat(json.get("top").get(0).get("id").intValue()).isEqualTo(359);
    assertThat(json.get("text").stringValue()).startsWith(" T");
  }

  @Test
  void run_onAScreen_saysWhatWentWhere() {
    String out = Cli.run(words("run", "--source-layer", "3", "--target-layer", "2")).isDone().out();
    assertThat(out).contains("layer 3 to layer 2", "[␣is]", "schedule", "against source");
  }

  @Test
  void over_grid_writesLogitsFigureAndCells() throws IOException {
    Path npz = folder.resolve("g.npz");
    Path html = folder.resolve("g.html");
    Path csv = folder.resolve("g.csv");
    String[] layers = {"--source-layers", "0-5", "--target-layers", "0-5", "--json"};
    List<String> words = new ArrayList<>(List.of(words("over", layers)));
    words.addAll(List.of("--out", npz.toString(), "--figure", html.toString()));
    words.addAll(List.of("--control", "unpatched", "--control", "mean", "--control", "shuffled"));
    JsonNode json = Cli.run(words.toArray(String[]::new)).isDone().json();
    assertThat(json.get("cells").size()).isEqualTo(36);
    assertThat(json.get("controls").propertyNames()).hasSize(3);
    JsonNode cell = json.get("cells").get(7);
    assertThat(cell.get("source_layer").intValue()).isEqualTo(1);
    assertThat(cell.get("target_layer").intValue()).isEqualTo(1);
    try (Npz read = Npz.open(npz)) {
      assertThat(read.read("grid.logits").shape()).containsExactly(6, 6, 1024);
    }
    assertThat(Files.readString(html))
        .contains("from 3", "to 3", "\u25c6", "unpatched", "shuffled");
    Cli.run(words("over", "--diagonal", "--out", csv.toString())).isDone();
    assertThat(Files.readAllLines(csv)).hasSize(8);
  }

  @Test
  void over_allSteps_addsAnAxis() {
    Path npz = folder.resolve("s.npz");
    Cli.run(
            words(
                "over",
                "--source-layers",
                "1,2",
                "--target-layers",
                "embed,3,4",
                "--max-new-tokens",
                "3",
                "--ignore-eos",
                "--all-steps",
                "--out",
                npz.toString()))
        .isDone();
    try (Npz read = Npz.open(npz)) {
      assertThat(read.read("grid.logits").shape()).containsExactly(2, 3, 3, 1024);
      assertThat(read.read("target_layers").ints()).containsExactly(-1, 3, 4);
    }
  }

  @Test
  void over_estimate_equalsTheCounters() {
    String[] layers = {"--source-layers", "blocks", "--target-layers", "blocks", "--json"};
    JsonNode done = Cli.run(words("over", layers)).isDone().json();
    List<String> words = new ArrayList<>(List.of(words("over", layers)));
    words.add("--estimate");
    JsonNode estimate = Cli.run(words.toArray(String[]::new)).isDone().json().get("estimate");
    assertThat(estimate.get("token_layers")).isEqualTo(done.get("counters").get("token_layers"));
    assertThat(estimate.get("unembeddings")).isEqualTo(done.get("counters").get("unembeddings"));
    assertThat(estimate.get("exact").booleanValue()).isTrue();
  }

  @Test
  void over_presets_runWithWhatTheyNeed() {
    JsonNode presets = Cli.run("patchscope", "presets", "--json").isClean().json().get("presets");
    int ran = 0;
    for (JsonNode preset : presets) {
      List<String> words =
          new ArrayList<>(
              List.of(
                  "patchscope",
                  "over",
                  "demo-llama",
                  "--bos",
                  "--preset",
                  preset.get("name").stringValue(),
                  "--source",
                  SOURCE,
                  "--max-new-tokens",
                  "1",
                  "--control",
                  "all",
                  "--control-seed",
                  "5",
                  "--json"));
      switch (preset.get("needs").stringValue("")) {
        case "target" -> words.addAll(List.of("--target", "The language of x"));
        case "map" -> words.addAll(List.of("--map", "identity"));
        case "noise" -> words.addAll(List.of("--noise", "3", "--noise-position", "1-4"));
        default -> {}
      }
      JsonNode json = Cli.run(words.toArray(String[]::new)).isDone().json();
      assertThat(json.get("cells").size()).isPositive();
      // Each with its controls, cell by cell under the same layers.
      assertThat(preset.get("controls")).hasSize(3);
      assertThat(json.get("controls").propertyNames())
          .containsExactly("unpatched", "mean", "shuffled");
      for (String control : json.get("controls").propertyNames()) {
        JsonNode beside = json.get("controls").get(control);
        assertThat(beside).hasSize(json.get("cells").size());
        for (int i = 0; i < beside.size(); i++) {
          JsonNode cell = json.get("cells").get(i);
          assertThat(beside.get(i).get("target_layer")).isEqualTo(cell.get("target_layer"));
          assertThat(beside.get(i).get("source_layer")).isEqualTo(cell.get("source_layer"));
          if (control.equals("unpatched")) {
            assertThat(beside.get(i).get("kl_from_unpatched").doubleValue()).isZero();
          }
        }
      }
      ran++;
    }
    assertThat(ran).isGreaterThanOrEqualTo(12);
  }

  @Test
  void over_pairs_areSaidToBe() {
    String same = Cli.run(words("over", "--diagonal")).isDone().out();
    assertThat(same).contains("same").doesNotContain("pairs");
    String[] pairs = {"--pairs", "--source-layers", "0,1,2", "--target-layers", "2,1,0"};
    String other = Cli.run(words("over", pairs)).isDone().out();
    assertThat(other).contains("pairs").doesNotContain("same");
    String[] grid = {"--source-layers", "0,1", "--target-layers", "2,final"};
    String all = Cli.run(words("over", grid)).isDone().out();
    assertThat(all).contains("final").doesNotContain("same", "pairs");
  }

  @Test
  void over_cellsWithAllSteps_haveTheLogitsOfEveryNewToken() throws IOException {
    Path cells = folder.resolve("s.jsonl");
    String[] more = {
      "--source-layers",
      "1",
      "--target-layers",
      "0,1",
      "--max-new-tokens",
      "3",
      "--ignore-eos",
      "--all-steps",
      "--cells",
      cells.toString()
    };
    Cli.run(words("over", more)).isDone();
    List<String> lines = Files.readAllLines(cells);
    assertThat(lines).hasSize(3);
    JsonNode cell = dev.diopter.formats.Json.read("line", lines.get(1));
    assertThat(cell.get("step_logits")).hasSize(3);
    assertThat(cell.get("step_logits").get(2)).hasSize(1024);
  }

  @Test
  void over_paperCompat_movesTheLastLayersBehindTheNorm() {
    String[] more = {
      "--source-layers", "4,5", "--target-layers", "4,5", "--paper-compat", "--json"
    };
    JsonNode cells = Cli.run(words("over", more)).isDone().json().get("cells");
    // The row of the last block is no row of pairs, though its last cell is written at final.
    String out = Cli.run(words("over", java.util.Arrays.copyOf(more, 5))).isDone().out();
    assertThat(out).contains("\n  5 ").doesNotContain("pairs");
    assertThat(cells.get(0).get("source_layer").intValue()).isEqualTo(4);
    assertThat(cells.get(1).get("target_layer").intValue()).isEqualTo(5);
    assertThat(cells.get(2).get("source_layer").stringValue()).isEqualTo("final");
    assertThat(cells.get(2).get("target_layer").intValue()).isEqualTo(4);
    assertThat(cells.get(3).get("target_layer").stringValue()).isEqualTo("final");
  }

  @Test
  void over_cells_areContinued() throws IOException {
    Path cells = folder.resolve("c.jsonl");
    String[] all = words("over", "--diagonal", "--cells", cells.toString());
    Cli.run(all).isDone();
    byte[] whole = Files.readAllBytes(cells);
    Files.write(cells, java.util.Arrays.copyOf(whole, whole.length / 2));
    assertThat(Cli.run(all).isDone().err()).contains("going on behind");
    assertThat(Files.readAllBytes(cells)).isEqualTo(whole);
  }

  @Test
  void commands_wrongUsage_isOneLine() {
    Cli.run(words("run", "--source-layer", "9")).failed(2);
    Cli.run(words("run", "--source-layer", "x")).failed(2);
    Cli.run(words("run", "--source-substring", "Japan")).failed(2);
    Cli.run(words("run", "--schedule", "steps:40")).failed(2);
    Cli.run(words("run", "--map", "scale:x")).failed(2);
    Cli.run(words("run", "--token", " photosynthesis")).failed(2);
    Cli.run(words("over", "--pairs", "--source-layers", "0-3", "--target-layers", "1")).failed(2);
    Cli.run(words("over", "--preset", "token-identity-dem")).failed(2);
    Cli.run(words("over", "--max-token-layers", "5")).failed(2);
    Cli.run(words("over", "--out", folder.resolve("f.txt").toString())).failed(2);
    Cli.run("patchscope", "run", "demo-gpt2", "--source", SOURCE).failed(2);
  }

  private String[] over(Path prompts, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of("patchscope", "over", "demo-gpt2", "--bos", "--prompts", prompts.toString()));
    words.addAll(List.of(more));
    return words.toArray(String[]::new);
  }

  @Test
  void over_severalPrompts_givesMeansByLayer() throws IOException {
    Path prompts = folder.resolve("prompts.txt");
    Files.writeString(
        prompts, "The capital of Japan is\n\nThe capital of France is\nThe capital of Italy is\n");
    Path figure = folder.resolve("lines.svg");
    JsonNode json =
        Cli.run(
                over(
                    prompts,
                    "--preset",
                    "token-identity-demo",
                    "--control",
                    "unpatched",
                    "--figure",
                    figure.toString(),
                    "--json"))
            .isDone()
            .json();
    assertThat(json.get("prompts").intValue()).isEqualTo(3);
    assertThat(json.get("cells").size()).isEqualTo(21);
    assertThat(Files.readString(figure)).contains("<polygon", "precision at 1");
    double sum = 0;
    for (int prompt = 0; prompt < 3; prompt++) {
      sum += json.get("cells").get(prompt * 7 + 6).get("surprisal_of_source_top").doubleValue();
    }
    boolean found = false;
    for (JsonNode line : json.get("lines")) {
      String plot = line.get("plot").stringValue();
      boolean unpatched = line.get("line").stringValue().equals("unpatched");
      if (line.get("point").stringValue().equals("5") && !unpatched && plot.contains("source's")) {
        assertThat(line.get("mean").doubleValue())
            .isCloseTo(sum / 3, org.assertj.core.api.Assertions.within(1e-12));
        found = true;
      }
      if (unpatched) {
        // By the sources' answers it is wrong everywhere.
        double mean = line.get("mean").doubleValue();
        if (plot.equals("precision at 1")) {
          assertThat(mean).isLessThan(0.5);
        } else {
          assertThat(mean).isGreaterThan(1);
        }
      }
    }
    assertThat(found).isTrue();
  }

  @Test
  void over_controlsOfPrompts_haveCellsAndLinesOfTheSameNumbers() throws IOException {
    Path prompts = folder.resolve("prompts.txt");
    Files.writeString(
        prompts, "The capital of Japan is\nThe capital of France is\nThe capital of Germany is\n");
    String[] more = {
      "--preset",
      "token-identity-demo",
      "--top",
      "0",
      "--control",
      "unpatched",
      "--control",
      "shuffled",
      "--json"
    };
    JsonNode json = Cli.run(over(prompts, more)).isDone().json();
    for (String control : List.of("unpatched", "shuffled")) {
      JsonNode cells = json.get("controls").get(control);
      double sum = 0;
      for (int i = 0; i < cells.size(); i++) {
        sum += cells.get(i).get("precision_at_1").intValue();
        JsonNode patched = json.get("cells").get(i);
        assertThat(cells.get(i).get("source_top")).isEqualTo(patched.get("source_top"));
        assertThat(cells.get(i).get("kl_from_source").doubleValue()).isGreaterThan(0.1);
      }
      assertThat(sum / cells.size()).isLessThan(0.5);
      double lines = 0;
      for (JsonNode line : json.get("lines")) {
        boolean own = line.get("line").stringValue().equals(control);
        if (own && line.get("plot").stringValue().equals("precision at 1")) {
          lines += line.get("mean").doubleValue();
        }
      }
      assertThat(lines / 7)
          .isCloseTo(sum / cells.size(), org.assertj.core.api.Assertions.within(1e-12));
    }
  }

  @Test
  void over_withoutTopTokens_stillSaysAndDrawsTheBest() throws IOException {
    Path figure = folder.resolve("f.html");
    String[] more = {"--diagonal", "--top", "0", "--figure", figure.toString()};
    String without = Cli.run(words("over", more)).isDone().out();
    assertThat(without).isEqualTo(Cli.run(words("over", "--diagonal")).isDone().out());
    assertThat(Files.readString(figure)).contains("from 3");
    Path csv = folder.resolve("f.csv");
    Cli.run(words("over", "--diagonal", "--top", "0", "--out", csv.toString())).isDone();
    String some = Files.readString(csv);
    Cli.run(words("over", "--diagonal", "--out", csv.toString())).isDone();
    assertThat(some).isEqualTo(Files.readString(csv));
  }

  @Test
  void over_promptsThatDoNotFit_refusesWithOneLine() throws IOException {
    Path prompts = folder.resolve("prompts.txt");
    Files.writeString(prompts, "a\nb\n");
    String[] grid = {"--target", TARGET, "--target-position", "-1", "--source-position", "-1"};
    assertRefused(over(prompts, grid), 2, "one patch for each source layer");
    String[] preset = {"--preset", "token-identity-demo"};
    assertRefused(over(prompts, preset[0], preset[1], "--source", "a"), 2, "--prompts");
    assertRefused(over(prompts, preset[0], preset[1], "--control", "mean"), 2, "--control mean");
    assertRefused(over(folder.resolve("none"), preset), 2, "expected a text file");
    Files.writeString(prompts, "\n \n");
    assertRefused(over(prompts, preset), 1, "expected a prompt");
  }

  private static void assertRefused(String[] words, int code, String message) {
    assertThat(Cli.run(words).failed(code).err()).contains(message);
  }
}
