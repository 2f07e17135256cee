package dev.diopter.lens.patterns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Npz;
import dev.diopter.lens.pictures.Matrix;
import dev.diopter.models.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PatternRecorderTest {
  private static final RecorderOptions BOS = RecorderOptions.DEFAULT.bos(true).threads(2);
  private static Model model;

  @TempDir Path folder;
  private ModelFolder place;

  @BeforeAll
  static void open() {
    model = LensCase.open("demo-gpt2");
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @BeforeEach
  void place() {
    place = new PatternStore(folder.resolve("data")).model("m");
  }

  @Test
  void run_anyBatchAndThreads_writesTheSameBytes() throws IOException {
    record(BOS.batch(1).threads(1), Prompts.numbered(9));
    Map<String, String> alone = Prompts.files(folder);
    assertThat(alone).hasSize(2 + 2 * 9);
    for (int batch : new int[] {2, 4, 100}) {
      ModelFolder other = new PatternStore(folder.resolve("b" + batch)).model("m");
      new PatternRecorder(model, other, BOS.batch(batch).threads(3))
          .run(Prompts.numbered(9), null, RunListener.NONE);
      assertThat(Prompts.files(folder.resolve("b" + batch)))
          .isEqualTo(Prompts.files(folder.resolve("data")));
    }
  }

  @Test
  void run_again_keepsWhatIsThere() {
    assertThat(record(BOS, Prompts.numbered(5)).done()).isEqualTo(5);
    RunSummary again = record(BOS, Prompts.numbered(7));
    assertThat(again.skipped()).isEqualTo(5);
    assertThat(again.done()).isEqualTo(2);
    assertThat(record(BOS.force(true), Prompts.numbered(7)).done()).isEqualTo(7);
  }

  @Test
  void run_most_countsThoseThatAreThere() {
    record(BOS, Prompts.numbered(2));
    PatternRecorder recorder = new PatternRecorder(model, place, BOS);
    RunSummary summary = recorder.run(Prompts.numbered(10), 3L, RunListener.NONE);
    assertThat(summary.skipped()).isEqualTo(2);
    assertThat(summary.done()).isEqualTo(1);
    assertThat(recorder.run(Prompts.numbered(10), 0L, RunListener.NONE).done()).isZero();
  }

  @Test
  void run_badPromptsInTheMiddle_areToldAndTheRestIsDone() {
    String tooLong = "one two three ".repeat(200);
    RunSummary summary =
        record(
            BOS.batch(2),
            Prompts.of(
                Prompts.row("first"),
                Prompts.row(tooLong),
                Prompts.row("half \ud800"),
                Prompts.row("x").put("hash", "../../evil"),
                Prompts.row("first"),
                Prompts.row("last")));
    assertThat(summary.done()).isEqualTo(2);
    assertThat(summary.skipped()).isEqualTo(1);
    assertThat(summary.failed()).isEqualTo(3);
    assertThat(summary.failures().getFirst().what()).isEqualTo(PatternPrompt.hash(tooLong));
    assertThat(summary.failures().getFirst().reason())
        .startsWith("expected at most 256 tokens, BOS included, found ");
    assertThat(summary.failures().get(1).reason())
        .startsWith("expected a text")
        .contains("half a surrogate pair");
    assertThat(summary.failures().get(2).reason()).contains("expected a \"hash\" of letters");
    assertThat(place.hashes()).hasSize(2);
    assertThat(folder.resolve("evil")).doesNotExist();
    assertThat(folder.resolve("data/evil")).doesNotExist();
  }

  @Test
  void run_emptyText_needsBos() {
    assertThat(record(BOS, Prompts.of(Prompts.row(""))).done()).isEqualTo(1);
    ModelFolder without = new PatternStore(folder.resolve("no")).model("m");
    RunSummary summary =
        new PatternRecorder(model, without, BOS.bos(false))
            .run(Prompts.of(Prompts.row(""), Prompts.row("a")), null, RunListener.NONE);
    assertThat(summary.done()).isEqualTo(1);
    assertThat(summary.failures().getFirst().reason()).startsWith("the prompt is empty");
  }

  @Test
  void run_leftByKilledPrograms_isMadeAgain() throws IOException {
    record(BOS, Prompts.numbered(4));
    Map<String, String> clean = Prompts.files(folder);
    List<String> hashes = place.hashes();
    // As the original leaves it: the description without the arrays; half an array file.
    Files.delete(place.promptFolder(hashes.get(0)).resolve("activations.npz"));
    Path half = place.promptFolder(hashes.get(1)).resolve("activations.npz");
    Files.write(half, java.util.Arrays.copyOf(Files.readAllBytes(half), 1000));
    Path text = place.promptFolder(hashes.get(2)).resolve("prompt.json");
    Files.writeString(text, Files.readString(text).substring(0, 20));
    RunSummary again = record(BOS, Prompts.numbered(4));
    assertThat(again.done()).isEqualTo(3);
    assertThat(Prompts.files(folder)).isEqualTo(clean);
  }

  @Test
  void run_anotherPromptUnderTheHash_isToldAndKept() {
    record(BOS, Prompts.of(Prompts.row("a").put("hash", "h")));
    RunSummary summary = record(BOS, Prompts.of(Prompts.row("b").put("hash", "h")));
    assertThat(summary.failures().getFirst().reason()).contains("the text \"b\", found \"a\"");
    assertThat(place.prompt("h").text()).isEqualTo("a");
  }

  @Test
  void run_oneHashForTwoTexts_tellsTheSecond() {
    RunSummary summary =
        record(
            BOS,
            Prompts.of(
                Prompts.row("a").put("hash", "h"),
                Prompts.row("b").put("hash", "h"),
                Prompts.row("a").put("hash", "h")));
    assertThat(summary.done()).isEqualTo(1);
    assertThat(summary.skipped()).isEqualTo(1);
    assertThat(summary.failed()).isEqualTo(1);
    assertThat(summary.failures().getFirst().what()).isEqualTo("h");
    assertThat(summary.failures().getFirst().reason()).contains("another hash");
    assertThat(place.prompt("h").text()).isEqualTo("a");
  }

  @Test
  void write_again_takesOldFiguresAway() throws IOException {
    record(BOS, Prompts.numbered(1));
    Path prompt = place.promptFolder(place.hashes().getFirst());
    FigureOptions options = FigureOptions.of(FigureFunctions.select("raw"));
    new FigureRun(place, options).run(RunListener.NONE);
    assertThat(prompt.resolve("L0/H0/raw.png")).exists();
    Path own = Files.writeString(prompt.resolve("notes.txt"), "mine");
    record(BOS.force(true), Prompts.numbered(1));
    assertThat(prompt.resolve("L0/H0/raw.png")).doesNotExist();
    assertThat(own).exists();
  }

  @Test
  void write_linksInTheFolder_keepWhatTheyPointTo() throws IOException {
    record(BOS, Prompts.numbered(1));
    Path prompt = place.promptFolder(place.hashes().getFirst());
    Path outside = Files.createDirectories(folder.resolve("outside/H0"));
    Path picture = Files.writeString(outside.resolve("raw.png"), "mine");
    FigureOptions raw = FigureOptions.of(FigureFunctions.select("raw")).force(true);

    // A file: the link is replaced.
    Path linked = Files.createDirectories(prompt.resolve("L0/H0")).resolve("raw.png");
    Files.createSymbolicLink(linked, picture);
    assertThat(new FigureRun(place, raw).run(RunListener.NONE).failures()).isEmpty();
    assertThat(linked).isRegularFile().isNotEmptyFile();
    assertThat(Files.isSymbolicLink(linked)).isFalse();
    Path notes = Files.writeString(prompt.resolve("L0/H0/notes.txt"), "mine");
    Path arrays = prompt.resolve("activations.npz");
    Files.move(arrays, folder.resolve("arrays"));
    Files.createSymbolicLink(arrays, picture);
    assertThat(record(BOS.force(true), Prompts.numbered(1)).done()).isEqualTo(1);
    assertThat(Files.isSymbolicLink(arrays)).isFalse();
    assertThat(notes).exists();

    // A folder: refused.
    Path layer = Files.move(prompt.resolve("L1"), folder.resolve("outside/L1"));
    Files.writeString(layer.resolve("H0/raw.png"), "mine");
    Files.createSymbolicLink(prompt.resolve("L1"), layer);
    assertThat(new FigureRun(place, raw).run(RunListener.NONE).failures().getFirst().reason())
        .contains("L1: expected a folder, found a link");
    Map<String, String> before = Prompts.files(prompt);
    assertThat(record(BOS.force(true), Prompts.numbered(1)).failures().getFirst().reason())
        .contains("L1: expected a folder, found a link");
    assertThat(Prompts.files(prompt)).containsKey("prompt.json").isEqualTo(before);
    Files.delete(prompt.resolve("L1"));
    Files.move(prompt, folder.resolve("outside/prompt"));
    Files.createSymbolicLink(prompt, folder.resolve("outside/prompt"));
    assertThat(record(BOS.force(true), Prompts.numbered(1)).failures().getFirst().reason())
        .contains("expected a folder, found a link");
    assertThat(picture).hasContent("mine");
    assertThat(layer.resolve("H0/raw.png")).hasContent("mine");
  }

  @Test
  void begin_otherSettingsInTheFolder_isRefused() {
    record(BOS, Prompts.numbered(1));
    assertThatThrownBy(() -> record(BOS.bos(false), Prompts.numbered(1)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("expected default_prepend_bos false as this run has it, found true");
    Prompts.edit(place.configFile(), o -> o.put("n_heads", 12));
    assertThatThrownBy(() -> record(BOS, Prompts.numbered(1)))
        .hasMessageContaining("expected n_heads 4 as this run has it, found 12");
  }

  @Test
  void begin_folderOfAnotherArchitecture_isRefused() {
    record(BOS, Prompts.numbered(1));
    try (Model llama = LensCase.open("demo-llama")) {
      assertThatThrownBy(() -> new PatternRecorder(llama, place, BOS).begin())
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("expected original_architecture \"LlamaForCausalLM\"")
          .hasMessageContaining("give another --name");
    }
  }

  @Test
  void begin_folderOfOtherWeights_isRefused() throws IOException {
    record(BOS, Prompts.numbered(1));
    try (Model other = LensCase.open(Checkpoints.otherWeights(folder.resolve("run2/final")))) {
      PatternRecorder recorder = new PatternRecorder(other, place, BOS);
      assertThatThrownBy(() -> recorder.run(Prompts.numbered(1), null, RunListener.NONE))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("those of other weights; give another --name");
      // As pattern-lens, and this program before, left it: nothing to compare.
      Files.delete(place.folder().resolve("diopter.json"));
      recorder.begin();
      assertThat(place.folder().resolve("diopter.json")).doesNotExist();
    }
  }

  @Test
  void begin_configurationOfFoldedGains_isTheSameModels() {
    record(BOS, Prompts.numbered(1));
    Prompts.edit(place.configFile(), o -> o.put("normalization_type", "LNPre").remove("eps"));
    assertThat(record(BOS, Prompts.numbered(1)).skipped()).isEqualTo(1);
    Prompts.edit(place.configFile(), o -> o.put("normalization_type", "RMSPre"));
    assertThatThrownBy(() -> record(BOS, Prompts.numbered(1)))
        .hasMessageContaining("expected normalization_type \"LN\"");
  }

  @Test
  void get_prompt_loadsOrComputes() {
    PatternRecorder recorder = new PatternRecorder(model, place, BOS);
    PatternPrompt prompt = PatternPrompt.of("Mary and John");
    List<Matrix> first;
    try (StoredPatterns patterns = recorder.get(prompt)) {
      first = patterns.layer(3);
      assertThat(first).hasSize(4);
      assertThat(first.getFirst().at(0, 0)).isEqualTo(1);
      assertThat(patterns.prompt().json().path("n_tokens").intValue())
          .isEqualTo(first.getFirst().rows() - 1);
    }
    try (StoredPatterns patterns = recorder.get(prompt)) {
      assertThat(patterns.layer(3)).isEqualTo(first);
    }
  }

  @Test
  void hooks_othersToo_areStoredBeside() {
    record(BOS.hooks("blocks.*.attn.hook_pattern,hook_embed").level(0), Prompts.numbered(1));
    Path file = place.promptFolder(place.hashes().getFirst()).resolve("activations.npz");
    try (Npz npz = Npz.open(file)) {
      assertThat(npz.names()).hasSize(7).contains("hook_embed");
      assertThat(npz.read("hook_embed").shape()).startsWith(1).hasSize(3);
    }
    assertThatThrownBy(() -> new PatternRecorder(model, place, BOS.hooks("hook_embed")))
        .isInstanceOf(UsageException.class)
        .hasMessage("hooks: expected blocks.0.attn.hook_pattern among them, got hook_embed");
  }

  @Test
  void run_hooksThatAreNotStored_isMadeAgain() {
    String both = "blocks.*.attn.hook_pattern,hook_embed";
    record(BOS, Prompts.numbered(2));
    assertThat(record(BOS.hooks(both), Prompts.numbered(2)).done()).isEqualTo(2);
    assertThat(record(BOS.hooks(both), Prompts.numbered(2)).skipped()).isEqualTo(2);
    assertThat(record(BOS, Prompts.numbered(2)).skipped()).isEqualTo(2);
    PatternPrompt prompt = place.prompt(place.hashes().getFirst());
    try (StoredPatterns stored = new PatternRecorder(model, place, BOS.hooks(both)).get(prompt)) {
      assertThat(stored.names()).contains("hook_embed");
    }
  }

  @Test
  void load_whatIsNotThere_saysSo() throws IOException {
    PatternPrompt prompt = PatternPrompt.of("nowhere");
    assertThatThrownBy(() -> place.load(prompt))
        .isInstanceOf(PatternsMissingException.class)
        .hasMessageContaining("prompt.json: expected a stored prompt, found none");
    record(BOS, Prompts.of(Prompts.row("nowhere")));
    place.load(prompt).close();
    Files.delete(place.promptFolder(prompt).resolve("activations.npz"));
    assertThatThrownBy(() -> place.load(prompt))
        .isInstanceOf(PatternsMissingException.class)
        .hasMessageContaining("activations.npz: expected stored patterns, found none");
  }

  @Test
  void options_outOfRange_areRefused() {
    assertThatThrownBy(() -> BOS.level(10)).isInstanceOf(UsageException.class);
    assertThatThrownBy(() -> BOS.batch(0)).isInstanceOf(UsageException.class);
    assertThatThrownBy(() -> BOS.threads(0)).isInstanceOf(UsageException.class);
  }

  @Test
  void run_listener_hearsEachPrompt() {
    List<Long> heard = new ArrayList<>();
    new PatternRecorder(model, place, BOS)
        .run(Prompts.numbered(4), null, (done, total) -> heard.add(done));
    assertThat(heard).containsExactly(1L, 2L, 3L, 4L);
  }

  @Test
  void recorder_modelWithoutTokenizer_isRefused() {
    String bare = Path.of(System.getProperty("diopter.root"), "fixtures/gpt2-tiny").toString();
    try (Model other = LensCase.open(bare)) {
      assertThatThrownBy(() -> new PatternRecorder(other, place, BOS.bos(false)))
          .isInstanceOf(ModelException.class)
          .hasMessageContaining("no tokenizer.json");
    }
  }

  private RunSummary record(RecorderOptions options, PatternRecorder.Source source) {
    return new PatternRecorder(model, place, options).run(source, null, RunListener.NONE);
  }
}
