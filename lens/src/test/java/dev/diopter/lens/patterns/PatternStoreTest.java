package dev.diopter.lens.patterns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PatternStoreTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "gpt2, gpt2",
    "pythia-14m, pythia-14m",
    "my_model, my_model",
    "model.v2, model.v2",
    "google/gemma-2b, google-gemma-2b",
    "org/sub/model, org-sub-model",
    "model@v2, model_v2",
    "model name, model_name",
    "model:v2, model_v2",
    "a/../../etc/passwd, a-..-..-etc-passwd",
    "a\\b, a_b"
  })
  void folderName_anyName_isPlainAndStays(String name, String expected) {
    assertThat(PatternStore.folderName(name)).isEqualTo(expected);
    assertThat(PatternStore.folderName(expected)).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "...", ".hid", "../../etc/passwd"})
  void folderName_emptyOrHidden_isRefused(String name) {
    assertThatThrownBy(() -> PatternStore.folderName(name))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("that does not begin with a dot, got '" + name + "'");
  }

  @Test
  void models_foldersOfOthers_arePassedOver() throws IOException {
    PatternStore store = new PatternStore(folder.resolve("data"));
    assertThat(store.models()).isEmpty();
    for (String name : List.of("b", "a", "with blank", "empty", ".hid")) {
      Files.createDirectories(store.folder().resolve(name));
    }
    for (String name : List.of("b", "a", "with blank", ".hid")) {
      Files.writeString(
          store.folder().resolve(name).resolve("model_cfg.json"),
          "{\"model_name\": \"x\", \"n_layers\": 1, \"n_heads\": 2}");
    }
    assertThat(store.models().stream().map(ModelFolder::name)).containsExactly("a", "b");
    assertThat(store.model("a").config().heads()).isEqualTo(2);
    assertThat(store.model("a").config().prependsBos()).isNull();
    Files.writeString(store.folder().resolve("a/model_cfg.json"), "{\"model_name\": 3}");
    RunSummary listed = PatternIndex.models(store);
    assertThat(listed.done()).isEqualTo(1);
    assertThat(listed.failures().getFirst().what()).isEqualTo("a");
    assertThat(Files.readString(store.folder().resolve("models.jsonl")))
        .isEqualTo(
            "{\"model_name\": \"x\", \"n_layers\": 1, \"n_heads\": 2, \"sanitized_name\": \"b\"}\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "{\"model_name\": \"x\", \"n_layers\": 0, \"n_heads\": 2}",
        "{\"model_name\": \"x\", \"n_layers\": 4097, \"n_heads\": 2}",
        "{\"model_name\": \"x\", \"n_layers\": 1.5, \"n_heads\": 2}",
        "{\"model_name\": \"x\", \"n_layers\": 1, \"n_heads\": 99999999999}",
        "{\"model_name\": \"x\", \"n_layers\": \"1\", \"n_heads\": 2}",
        "{\"model_name\": \"x\", \"n_layers\": 1}"
      })
  void config_thatCannotBe_isRefusedInOneLine(String json) {
    assertThatThrownBy(() -> StoredModel.of("model_cfg.json", Json.read("test", json)))
        .isInstanceOf(FormatException.class)
        .hasMessageMatching("model_cfg.json: .*expected .*");
  }

  @Test
  void figures_rowsOfBothFiles_areMergedAndSorted() throws IOException {
    PatternStore store = new PatternStore(folder);
    Files.writeString(
        folder.resolve("functions.jsonl"),
        "{\"name\": \"old\"}\n{\"name\": \"raw\", \"doc\": 1}\n");
    Files.writeString(
        folder.resolve("figures.jsonl"), "{\"name\": \"zoo\", \"func_name\": \"zoo\"}\nbroken\n");
    FigureOptions options = FigureOptions.of(FigureFunctions.select("raw"));
    RunSummary rows = PatternIndex.figures(store, options);
    assertThat(rows.done()).isEqualTo(3);
    assertThat(rows.failed()).isEqualTo(1);
    List<String> lines = Files.readAllLines(folder.resolve("figures.jsonl"));
    assertThat(lines).hasSize(3);
    assertThat(lines.get(0)).isEqualTo("{\"name\": \"old\"}");
    assertThat(lines.get(1))
        .startsWith("{\"name\": \"raw\", \"func_name\": \"raw\", \"doc\": \"Att");
    assertThat(Files.readAllLines(folder.resolve("functions.jsonl")).get(2))
        .isEqualTo("{\"name\": \"zoo\"}");
  }

  @Test
  void figures_drawnButNotListed_areFound() throws IOException {
    PatternStore store = LensCase.copy("demo-gpt2", folder.resolve("data"));
    Files.delete(store.folder().resolve("figures.jsonl"));
    assertThat(PatternIndex.figures(store).done()).isEqualTo(1);
    assertThat(Files.readString(store.folder().resolve("figures.jsonl")))
        .contains("\"name\": \"raw\"", "\"figure_save_fmt\": \"png\"");
  }

  @Test
  void prompts_brokenOnes_areToldAndTheOthersListed() throws IOException {
    ModelFolder model = LensCase.copy("demo-gpt2", folder.resolve("data")).model("demo-gpt2");
    String first = model.hashes().getFirst();
    Prompts.edit(model.promptFolder(first).resolve("prompt.json"), o -> o.put("hash", "other"));
    RunSummary listed = PatternIndex.prompts(model);
    assertThat(listed.done()).isEqualTo(1);
    assertThat(listed.failures().getFirst().reason()).contains("expected the hash of its folder");
    assertThat(Files.readAllLines(model.promptsFile())).hasSize(1);
  }

  @Test
  void pageSettings_thatAreThere_stay() throws IOException {
    Files.writeString(folder.resolve("pl_cfg.json"), "{}");
    PatternIndex.pageSettings(new PatternStore(folder));
    assertThat(folder.resolve("pl_cfg.json")).hasContent("{}");
    assertThat(
            Json.read(folder.resolve("sg_cfg.json")).at("/data/tokenBoundary/start/0").asString())
        .isEqualTo("[BOS]");
  }

  /** Whatever a file holds, reading ends with one line. */
  @Test
  void load_damagedFiles_areRefusedInOneLine() throws IOException {
    long seed = 4711;
    Random random = new Random(seed);
    ModelFolder model = LensCase.copy("demo-gpt2", folder.resolve("data")).model("demo-gpt2");
    PatternPrompt prompt = model.prompt(model.hashes().getFirst());
    for (String name : List.of("activations.npz", "prompt.json")) {
      Path file = model.promptFolder(prompt).resolve(name);
      byte[] whole = Files.readAllBytes(file);
      for (int i = 0; i < 300; i++) {
        byte[] damaged = java.util.Arrays.copyOf(whole, whole.length - random.nextInt(3) * 7);
        for (int n = random.nextInt(6); n >= 0; n--) {
          damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
        }
        Files.write(file, damaged);
        try (StoredPatterns patterns = model.load(prompt)) {
          for (int layer = 0; layer < 6; layer++) {
            assertThat(patterns.layer(layer)).isNotEmpty();
          }
        } catch (FormatException e) {
          assertThat(e.getMessage()).as("seed %d", seed).doesNotContain("\n").isNotEmpty();
        }
      }
      Files.write(file, whole);
    }
  }
}
