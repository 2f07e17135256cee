package dev.diopter.lens.patterns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.NpzWriter;
import dev.diopter.lens.pictures.PictureFormat;
import dev.diopter.lens.pictures.RasterSurface;
import dev.diopter.lens.pictures.Surface;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.zip.GZIPInputStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FigureRunTest {
  @TempDir Path folder;
  private ModelFolder model;
  private Path head;

  @BeforeEach
  void copy() throws IOException {
    model = LensCase.copy("demo-gpt2", folder.resolve("data")).model("demo-gpt2");
    head = model.promptFolder(model.hashes().getFirst()).resolve("L2/H1");
  }

  @Test
  void run_allFormats_areReadable() throws IOException {
    FigureOptions options =
        FigureOptions.of(FigureFunctions.select("all"))
            .formats(Set.of(PictureFormat.values()))
            .force(true)
            .threads(2);
    RunSummary summary = new FigureRun(model, options).run(RunListener.NONE);
    assertThat(summary.failures()).isEmpty();
    assertThat(summary.done()).isEqualTo(48L * options.functions().size() * 3);
    for (FigureFunction function : options.functions()) {
      assertThat(ImageIO.read(head.resolve(function.name() + ".png").toFile()).getWidth())
          .isEqualTo(20);
      String svg = Files.readString(head.resolve(function.name() + ".svg"));
      assertThat(svg).startsWith("<svg").endsWith("</svg>").contains("data:image/png;base64,");
      byte[] packed = Files.readAllBytes(head.resolve(function.name() + ".svgz"));
      assertThat(new GZIPInputStream(new ByteArrayInputStream(packed)).readAllBytes())
          .isEqualTo(svg.getBytes(StandardCharsets.UTF_8));
    }
  }

  @Test
  void run_views_maskWhatTheySay() throws IOException {
    new FigureRun(model, FigureOptions.of(FigureFunctions.select("all"))).run(RunListener.NONE);
    for (String name : new String[] {"lower", "bos_masked", "log", "row_normalized"}) {
      var image = ImageIO.read(head.resolve(name + ".png").toFile());
      assertThat(image.getRGB(19, 0) & 0xFFFFFF).as(name).isEqualTo(0xD0D0D0);
      assertThat((image.getRGB(0, 5) & 0xFFFFFF) == 0xD0D0D0)
          .as(name)
          .isEqualTo(name.equals("bos_masked"));
      assertThat(image.getRGB(3, 3) & 0xFFFFFF).as(name).isNotEqualTo(0xD0D0D0);
    }
    // Each row has a cell of the full colour.
    var rows = ImageIO.read(head.resolve("row_normalized.png").toFile());
    for (int y = 0; y < 20; y++) {
      List<Integer> colors = new ArrayList<>();
      for (int x = 0; x <= y; x++) {
        colors.add(rows.getRGB(x, y) & 0xFFFFFF);
      }
      assertThat(colors).contains(0x08306B);
    }
  }

  @Test
  void run_functionThatFails_leavesItsReasonUntilItDoesNot() throws IOException {
    AtomicBoolean fails = new AtomicBoolean(true);
    FigureFunction sometimes =
        FigureFunctions.drawing(
            "sometimes",
            "fails on one head",
            PictureFormat.PNG,
            (pattern, surfaces) -> {
              surfaces.surface(4, 4).fill(0, 0, 2, 2, 0);
              if (fails.get() && pattern.layer() == 2 && pattern.head() == 1) {
                throw new java.io.IOException("Test error");
              }
            });
    FigureOptions options =
        FigureOptions.of(List.of(sometimes, FigureFunctions.select("lower").getFirst()));
    RunSummary first = new FigureRun(model, options).run(RunListener.NONE);
    assertThat(first.failed()).isEqualTo(2);
    assertThat(first.done()).isEqualTo(94);
    assertThat(first.failures().getFirst().what()).endsWith(" L2H1 sometimes");
    assertThat(head.resolve("sometimes.error.txt")).hasContent("Test error");
    assertThat(head.resolve("sometimes.png")).doesNotExist();
    assertThat(head.resolve("lower.png")).exists();

    fails.set(false);
    RunSummary second = new FigureRun(model, options).run(RunListener.NONE);
    assertThat(second.done()).isEqualTo(2);
    assertThat(second.skipped()).isEqualTo(94);
    assertThat(head.resolve("sometimes.error.txt")).doesNotExist();
    assertThat(head.resolve("sometimes.png")).exists();
  }

  @Test
  void run_functionOfSeveralFigures_writesAllOrNone() throws IOException {
    FigureFunction two = new Two(false);
    FigureOptions options = FigureOptions.of(List.of(two)).formats(Set.of(PictureFormat.SVGZ));
    assertThat(new FigureRun(model, options).run(RunListener.NONE).done()).isEqualTo(48);
    assertThat(head.resolve("two.one.svgz")).exists();
    assertThat(head.resolve("two.other.svgz")).exists();
    PatternIndex.figures(new PatternStore(folder.resolve("data")), options);
    assertThat(Files.readString(folder.resolve("data/figures.jsonl")))
        .contains("\"name\": \"two.one\", \"func_name\": \"two\"", "\"figure_save_fmt\": \"svgz\"");

    FigureOptions pixels = FigureOptions.of(List.of(new Two(true)));
    assertThat(new FigureRun(model, pixels).run(RunListener.NONE).failed()).isEqualTo(48);
    assertThat(head.resolve("two.one.png")).doesNotExist();
  }

  private record Two(boolean half) implements FigureFunction {
    @Override
    public String name() {
      return "two";
    }

    @Override
    public String description() {
      return "two figures";
    }

    @Override
    public List<String> parts() {
      return List.of("one", "other");
    }

    @Override
    public void draw(AttentionPattern pattern, Surfaces surfaces) {
      surfaces.surface("one", 10, 10).line(0, 0, 10, 10, 1, 0);
      if (!half) {
        surfaces.surface("other", 10, 10).text("x", 0, 5, 4, Surface.Anchor.START, 0);
      }
    }
  }

  @Test
  void run_ownGraphics_drawPixels() throws IOException {
    FigureFunction own =
        FigureFunctions.drawing(
            "own",
            "by the JDK's means",
            PictureFormat.PNG,
            (pattern, surfaces) -> {
              assertThat(pattern.hasBos()).isTrue();
              RasterSurface surface = (RasterSurface) surfaces.surface(8, 8);
              surface.graphics().setColor(java.awt.Color.GREEN);
              surface.graphics().fillRect(0, 0, 8, 8);
            });
    new FigureRun(model, FigureOptions.of(List.of(own))).run(RunListener.NONE);
    assertThat(ImageIO.read(head.resolve("own.png").toFile()).getRGB(3, 3)).isEqualTo(0xFF00FF00);
  }

  @Test
  void run_anyThreads_givesTheSameFiles() throws IOException {
    FigureOptions options = FigureOptions.of(FigureFunctions.select("all"));
    new FigureRun(model, options.threads(1).force(true)).run(RunListener.NONE);
    Map<String, String> one = Prompts.files(folder.resolve("data"));
    new FigureRun(model, options.threads(5).force(true)).run(RunListener.NONE);
    assertThat(Prompts.files(folder.resolve("data"))).isEqualTo(one);
  }

  @Test
  void run_most_drawsTheFirstOfTheList() {
    FigureOptions options = FigureOptions.of(FigureFunctions.select("log")).most(1L);
    assertThat(new FigureRun(model, options).run(RunListener.NONE).done()).isEqualTo(24);
    assertThat(new FigureRun(model, options.most(0L)).run(RunListener.NONE).done()).isZero();
  }

  @Test
  void run_brokenPrompts_areToldAndTheRestIsDrawn() throws IOException {
    String broken = model.hashes().getFirst();
    Files.writeString(model.promptFolder(broken).resolve("activations.npz"), "no zip");
    FigureOptions options = FigureOptions.of(FigureFunctions.select("log"));
    RunSummary summary = new FigureRun(model, options).run(RunListener.NONE);
    assertThat(summary.done()).isEqualTo(24);
    assertThat(summary.failures().getFirst().what()).isEqualTo(broken);
    assertThat(summary.failures().getFirst().reason()).contains("expected an .npz file");
  }

  @Test
  void run_arraysOfAnotherShape_areTold() {
    String hash = model.hashes().getFirst();
    NpzWriter.write(
        model.promptFolder(hash).resolve("activations.npz"),
        NpzWriter.Packing.DEFLATED,
        npz -> {
          npz.floats("blocks.0.attn.hook_pattern", List.of(1, 1, 1, 1), new float[] {1});
          npz.floats("blocks.1.attn.hook_pattern", List.of(4), new float[4]);
        });
    FigureOptions options = FigureOptions.of(FigureFunctions.select("log"));
    RunSummary summary = new FigureRun(model, options).run(RunListener.NONE);
    assertThat(summary.done()).isEqualTo(24);
    assertThat(summary.failures().stream().map(RunSummary.Failure::reason))
        .hasSize(6)
        .anyMatch(r -> r.contains("expected patterns of 4 heads by model_cfg.json, found 1"))
        .anyMatch(r -> r.contains("expected the shape [1, heads, queries, keys], found [4]"))
        .anyMatch(r -> r.contains("expected an array blocks.5.attn.hook_pattern, found none"));
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void run_weightsThatAreNoNumbers_areToldInPlaceOfTheFigure(float broken) throws IOException {
    new FigureRun(model, FigureOptions.of(FigureFunctions.select("raw"))).run(RunListener.NONE);
    spoil(2, 1, 7, broken);
    FigureOptions options = FigureOptions.of(FigureFunctions.select("raw,log"));
    RunSummary summary = new FigureRun(model, options).run(RunListener.NONE);
    // The old figure goes too: it is not of what is stored now.
    assertThat(summary.failures().stream().map(RunSummary.Failure::what))
        .satisfiesExactly(
            w -> assertThat(w).endsWith(" L2H1 raw"), w -> assertThat(w).endsWith(" L2H1 log"));
    assertThat(summary.done()).isEqualTo(47);
    for (String name : List.of("raw", "log")) {
      assertThat(head.resolve(name + ".png")).doesNotExist();
      assertThat(head.resolve(name + ".error.txt"))
          .content()
          .startsWith("expected finite weights, found " + broken + " at query 0, key 7; ")
          .contains("patterns activations --force");
    }
    assertThat(head.resolveSibling("H0/log.png")).exists();

    spoil(2, 1, 7, 0);
    assertThat(new FigureRun(model, options).run(RunListener.NONE).done()).isEqualTo(2);
    assertThat(head.resolve("raw.error.txt")).doesNotExist();
    assertThat(head.resolve("raw.png")).exists();
  }

  /** Writes the arrays of the first prompt again, with another number in one head. */
  private void spoil(int layer, int ofHead, int cell, float value) {
    PatternPrompt prompt = model.prompt(model.hashes().getFirst());
    List<float[]> layers = new ArrayList<>();
    List<Integer> shape;
    try (StoredPatterns stored = model.load(prompt)) {
      shape = stored.array(StoredPatterns.name(0)).shape();
      for (int l = 0; l < 6; l++) {
        layers.add(stored.array(StoredPatterns.name(l)).floats().clone());
      }
    }
    layers.get(layer)[ofHead * shape.get(2) * shape.get(3) + cell] = value;
    NpzWriter.write(
        model.promptFolder(prompt).resolve("activations.npz"),
        NpzWriter.Packing.DEFLATED,
        npz -> {
          for (int l = 0; l < layers.size(); l++) {
            npz.floats(StoredPatterns.name(l), shape, layers.get(l));
          }
        });
  }

  @ParameterizedTest
  @ValueSource(classes = {StackOverflowError.class, OutOfMemoryError.class, AssertionError.class})
  void run_errorOfAFunction_endsTheRunWithNothingHalfWritten(Class<? extends Error> kind)
      throws IOException {
    AtomicBoolean fails = new AtomicBoolean(true);
    List<String> tokens = model.prompt(model.hashes().getFirst()).tokens();
    FigureFunction broken =
        FigureFunctions.drawing(
            "broken",
            "throws an error on one head",
            PictureFormat.PNG,
            (pattern, surfaces) -> {
              surfaces.surface(4, 4).fill(0, 0, 2, 2, 0);
              boolean first = pattern.tokens().equals(tokens);
              if (fails.get() && first && pattern.layer() == 2 && pattern.head() == 1) {
                throw kind.getDeclaredConstructor().newInstance();
              }
            });
    FigureOptions options = FigureOptions.of(List.of(broken));
    assertThatThrownBy(() -> new FigureRun(model, options.threads(2)).run(RunListener.NONE))
        .isInstanceOf(kind);
    assertThat(head.resolve("broken.error.txt")).hasContent(kind.getSimpleName());
    assertThat(head.resolve("broken.png")).doesNotExist();
    for (String file : Prompts.files(folder.resolve("data")).keySet()) {
      if (file.endsWith("broken.png")) {
        assertThat(ImageIO.read(folder.resolve("data").resolve(file).toFile())).isNotNull();
      }
    }
    fails.set(false);
    assertThat(new FigureRun(model, options).run(RunListener.NONE).failures()).isEmpty();
    assertThat(head.resolve("broken.error.txt")).doesNotExist();
  }

  @Test
  void run_failsWithForce_takesTheOldFigureAway() throws IOException {
    FigureFunction fine =
        FigureFunctions.drawing(
            "mine", "draws", PictureFormat.PNG, (pattern, surfaces) -> surfaces.surface(4, 4));
    new FigureRun(model, FigureOptions.of(List.of(fine))).run(RunListener.NONE);
    FigureFunction fails =
        FigureFunctions.drawing(
            "mine",
            "does not",
            PictureFormat.PNG,
            (pattern, surfaces) -> {
              throw new IOException("no more");
            });
    new FigureRun(model, FigureOptions.of(List.of(fails)).force(true)).run(RunListener.NONE);
    assertThat(head.resolve("mine.png")).doesNotExist();
    assertThat(head.resolve("mine.error.txt")).hasContent("no more");
  }

  @Test
  void run_pathsInTheList_areNeverFollowed() throws IOException {
    Files.writeString(
        model.promptsFile(),
        "{\"text\": \"a\", \"hash\": \"../../../x\"}\nnothing\n{\"text\": \"b\", \"hash\": \"gone\"}\n");
    FigureOptions options = FigureOptions.of(FigureFunctions.select("raw"));
    RunSummary summary = new FigureRun(model, options).run(RunListener.NONE);
    assertThat(summary.failed()).isEqualTo(3);
    assertThat(summary.skipped()).isEqualTo(48);
    assertThat(summary.failures().get(2).reason()).contains("expected a stored prompt, found none");
  }

  @Test
  void select_names_listsAndPatterns() {
    assertThat(FigureFunctions.select("raw,log").stream().map(FigureFunction::name))
        .containsExactly("raw", "log");
    assertThat(FigureFunctions.select("*o*").stream().map(FigureFunction::name))
        .contains("lower", "bos_masked", "log", "row_normalized")
        .doesNotContain("raw");
    assertThatThrownBy(() -> FigureFunctions.select("raw,nope"))
        .isInstanceOf(UsageException.class)
        .hasMessageStartingWith("figure functions: expected all, or some of [raw, lower,")
        .hasMessageEndingWith("got 'nope'");
    assertThatThrownBy(() -> FigureFunctions.select("")).isInstanceOf(UsageException.class);
  }

  @Test
  void register_function_isKnownByItsName() {
    FigureFunction mine =
        MatrixFigure.of(
            "registered_for_test",
            "the pattern in viridis",
            dev.diopter.lens.pictures.MatrixImage.unit(
                dev.diopter.lens.pictures.ColorScale.named("viridis")),
            m -> m);
    assertThat(FigureFunctions.register(mine)).isSameAs(mine);
    assertThat(FigureFunctions.select("registered*")).containsExactly(mine);
    assertThat(FigureFunctions.figureNames()).contains("registered_for_test");
    assertThatThrownBy(() ->
            FigureFunctions.register(
                FigureFunctions.drawing("../x", "", PictureFormat.PNG, (p, s) -> {})))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void services_ofTheClassPath_areKnown() {
    assertThat(FigureFunctions.select("service_for_test").getFirst())
        .isInstanceOf(ServiceFigure.class);
  }
}
