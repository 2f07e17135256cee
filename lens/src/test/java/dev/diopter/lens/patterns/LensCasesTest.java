package dev.diopter.lens.patterns;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.Model;
import dev.diopter.formats.Json;
import dev.diopter.formats.JsonLines;
import dev.diopter.formats.Npz;
import dev.diopter.formats.NpzArray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Beside the files that pattern-lens 0.6.0 wrote for the same texts and options. */
class LensCasesTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void ours_sameTextsAndOptions_writesAtLeastItsFiles(String name) throws IOException {
    PatternStore store = new PatternStore(folder.resolve("data"));
    ModelFolder model = store.model(name);
    try (Model opened = LensCase.open(name)) {
      RunSummary recorded =
          new PatternRecorder(opened, model, RecorderOptions.DEFAULT.bos(true))
              .run(LensCase.source(name), LensCase.SAMPLES, RunListener.NONE);
      assertThat(recorded.failures()).isEmpty();
      assertThat(recorded.done()).isEqualTo(2);
    }
    FigureOptions options = FigureOptions.of(FigureFunctions.select("raw"));
    assertThat(new FigureRun(model, options).run(RunListener.NONE).done()).isEqualTo(48);
    PatternIndex.prompts(model);
    PatternIndex.models(store);
    PatternIndex.figures(store, options);

    Path theirs = LensCase.written(name);
    int compared = 0;
    try (Stream<Path> all = Files.walk(theirs)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        compare(file, store.folder().resolve(theirs.relativize(file).toString()));
        compared++;
      }
    }
    assertThat(compared).isEqualTo(56);
  }

  private static void compare(Path theirs, Path ours) throws IOException {
    String name = theirs.getFileName().toString();
    switch (name) {
      case "prompt.json" ->
          assertThat(Files.readAllBytes(ours)).isEqualTo(Files.readAllBytes(theirs));
      case "prompts.jsonl" -> {
        assertThat(Files.readString(ours)).endsWith("\n");
        assertThat(new HashSet<>(Files.readAllLines(ours)))
            .isEqualTo(new HashSet<>(Files.readAllLines(theirs)));
      }
      case "activations.npz" -> compareArrays(theirs, ours);
      case "raw.png" -> comparePixels(theirs, ours);
      case "model_cfg.json" -> compareConfigurations(Json.read(theirs), Json.read(ours));
      case "models.jsonl" -> {
        assertThat(lines(ours).getFirst().path("sanitized_name").stringValue())
            .isEqualTo(lines(theirs).getFirst().path("model_name").stringValue());
        compareConfigurations(lines(theirs).getFirst(), lines(ours).getFirst());
      }
      case "figures.jsonl" -> {
        for (String key : List.of("name", "func_name", "figure_save_fmt")) {
          assertThat(lines(ours).getFirst().get(key)).isEqualTo(lines(theirs).getFirst().get(key));
        }
      }
      default -> throw new AssertionError("a file of another kind: " + theirs);
    }
  }

  private static void compareArrays(Path theirs, Path ours) {
    try (Npz expected = Npz.open(theirs);
        Npz found = Npz.open(ours)) {
      assertThat(found.names()).containsExactlyElementsOf(expected.names());
      for (String name : expected.names()) {
        NpzArray a = expected.read(name);
        NpzArray b = found.read(name);
        assertThat(b.type()).isEqualTo(a.type());
        assertThat(b.shape()).isEqualTo(a.shape());
        float[] x = a.floats();
        float[] y = b.floats();
        for (int i = 0; i < x.length; i++) {
          assertThat(Math.abs(x[i] - y[i])).isLessThanOrEqualTo(1e-5f);
          if (x[i] == 0) {
            assertThat(y[i]).isZero(); // Above the diagonal.
          }
        }
      }
    }
  }

  private static void comparePixels(Path theirs, Path ours) throws IOException {
    var a = ImageIO.read(theirs.toFile());
    var b = ImageIO.read(ours.toFile());
    int width = a.getWidth();
    assertThat(b.getType()).isEqualTo(a.getType());
    assertThat(b.getRGB(0, 0, b.getWidth(), b.getHeight(), null, 0, b.getWidth()))
        .isEqualTo(a.getRGB(0, 0, width, a.getHeight(), null, 0, width));
  }

  private static void compareConfigurations(JsonNode theirs, JsonNode ours) {
    List<String> keys = new ArrayList<>(ours.propertyNames());
    keys.remove("sanitized_name");
    assertThat(keys).containsExactlyElementsOf(theirs.propertyNames());
    for (String key : keys) {
      assertThat(ours.get(key)).as(key).isEqualTo(theirs.get(key));
    }
  }

  private static List<JsonNode> lines(Path file) {
    List<JsonNode> values = new ArrayList<>();
    try (JsonLines lines = JsonLines.open(file)) {
      while (lines.next()) {
        values.add(lines.value());
      }
    }
    return values;
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void ours_itsFolder_isReadAndDrawnTheSame(String name) throws IOException {
    PatternStore store = LensCase.copy(name, folder.resolve("copy"));
    assertThat(store.models().stream().map(ModelFolder::name)).containsExactly(name);
    ModelFolder model = store.model(name);
    assertThat(model.config().layers()).isEqualTo(6);
    assertThat(model.config().heads()).isEqualTo(4);
    assertThat(model.config().prependsBos()).isTrue();
    assertThat(model.hashes()).hasSize(2);
    try (Model opened = LensCase.open(name)) {
      RunSummary taken =
          new PatternRecorder(opened, model, RecorderOptions.DEFAULT.bos(true))
              .run(LensCase.source(name), LensCase.SAMPLES, RunListener.NONE);
      assertThat(taken.skipped()).isEqualTo(2);
    }
    for (String hash : model.hashes()) {
      PatternPrompt prompt = PatternPrompt.of(model.prompt(hash).text());
      assertThat(prompt.hash()).isEqualTo(hash);
      try (StoredPatterns patterns = model.load(prompt)) {
        assertThat(patterns.layer(5)).hasSize(4);
        assertThat(patterns.layer(5).getFirst().rows())
            .isEqualTo(patterns.prompt().tokens().size() + 1);
      }
    }
    FigureOptions options = FigureOptions.of(FigureFunctions.select("raw"));
    RunSummary kept = new FigureRun(model, options).run(RunListener.NONE);
    assertThat(kept.skipped()).isEqualTo(48);
    RunSummary drawn = new FigureRun(model, options.force(true)).run(RunListener.NONE);
    assertThat(drawn.done()).isEqualTo(48);
    // From its own arrays every pixel is equal, not only where arrays are.
    Path theirs = LensCase.written(name);
    try (Stream<Path> all = Files.walk(theirs)) {
      for (Path file : all.filter(f -> f.endsWith("raw.png")).toList()) {
        comparePixels(file, store.folder().resolve(theirs.relativize(file).toString()));
      }
    }
    assertThat(PatternIndex.prompts(model).done()).isEqualTo(2);
    compare(theirs.resolve(name).resolve("prompts.jsonl"), model.folder().resolve("prompts.jsonl"));
  }
}
