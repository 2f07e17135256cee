package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.PromptOptions;
import dev.diopter.lens.plotting.LineFigure;
import dev.diopter.lens.plotting.LinePlot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sweeps of several prompts as lines. */
class ScopeLinesTest {
  private static final PromptOptions BOS = new PromptOptions(true, true);
  private static Model llama;

  @TempDir Path folder;

  @BeforeAll
  static void open() {
    llama = Models.open("demo-llama", "cpu", 1);
  }

  @AfterAll
  static void close() {
    llama.close();
  }

  private static List<Patch> patches(Model from, Model to) {
    Target target = Target.of(to, to.prompt("cat is cat; Rome is", BOS)).at(-1).newTokens(0);
    return java.util.stream.Stream.of("Japan", "France", "Italy")
        .flatMap(name ->
            Sweep.of(
                Patch.of(
                    Source.of(from, from.prompt("The capital of %s is".formatted(name), BOS))
                        .at(-1),
                    target))
                .diagonal(Layer.list("0,3,5", from.config()))
                .patches()
                .stream())
        .toList();
  }

  private static LineFigure figure(List<Patch> patches, Readout readout) {
    Function<List<Patch>, List<Cell>> run = p -> Patchscope.of(p).readout(readout).run();
    return ScopeLines.of(
        "t",
        List.of(
            new ScopeFigure.Panel("patched", run.apply(patches)),
            new ScopeFigure.Panel(
                "unpatched", run.apply(patches.stream().map(Controls::unpatched).toList())),
            new ScopeFigure.Panel("shuffled", run.apply(Controls.shuffled(patches, 0)))),
        3);
  }

  @Test
  void of_controlsWithoutTopTokens_measuresThemByThePatchesSources() {
    List<Patch> patches = patches(llama, llama);
    LineFigure with = figure(patches, Readout.DEFAULT);
    LineFigure without = figure(patches, Readout.DEFAULT.top(0));
    assertThat(with.json()).isEqualTo(without.json());
    assertThat(with.plots()).hasSize(3);
    for (LinePlot plot : with.plots()) {
      assertThat(plot.lines())
          .extracting(LinePlot.Line::name)
          .containsExactly("patched", "unpatched", "shuffled");
    }
    // The target as it is says no country's capital, and says the same in each layer.
    List<Cell> cells = Patchscope.of(patches.stream().map(Controls::unpatched).toList()).run();
    double[] means = with.plots().getFirst().lines().get(1).mean();
    double expected =
        IntStream.range(0, 3)
            .map(p -> {
              Reading own = cells.get(p * 3).reading();
              return Integer.valueOf(own.best().id()).equals(own.sourceTop()) ? 1 : 0;
            })
            .average()
            .orElseThrow();
    assertThat(means).containsOnly(new double[] {expected}, within(1e-12));
    assertThat(expected).isLessThan(0.5);
  }

  /** demo-llama, with another name for two of its ids. */
  private Path renamed() throws IOException {
    Path from =
        Models.root().resolve("models/src/main/resources/dev/diopter/models/bundled/demo-llama");
    for (String name : new String[] {"config.json", "model.safetensors"}) {
      Files.copy(from.resolve(name), folder.resolve(name));
    }
    String text = Files.readString(from.resolve("tokenizer.json"));
    String other = text.replace("\"!\": 1,", "\"!\": 4,").replace("\"$\": 4,", "\"$\": 1,");
    assertThat(other).isNotEqualTo(text);
    Files.writeString(folder.resolve("tokenizer.json"), other);
    return folder;
  }

  @Test
  void of_modelsOfOtherVocabularies_leavesOutWhatIsNotKnown() throws IOException {
    try (Model other = Model.open(renamed().toString(), new ModelOptions("cpu", 1))) {
      assertThat(other.config().vocabulary()).isEqualTo(llama.config().vocabulary());
      List<Patch> patches = patches(other, llama);
      Reading reading = Patchscope.run(patches.getFirst()).reading();
      assertThat(reading.sourceTop()).isNull();
      assertThat(reading.precisionAt1()).isNull();
      assertThat(reading.klFromSource()).isNull();
      LineFigure figure = figure(patches, Readout.DEFAULT);
      assertThat(figure.plots())
          .extracting(LinePlot::name)
          .containsExactly("KL from the unpatched target, nats");
      assertThat(figure.plots().getFirst().lines().get(1).mean()).containsOnly(0);
    }
  }

  @Test
  void reading_modelOpenedTwice_hasOneVocabulary() {
    try (Model again = Models.open("demo-llama", "cpu", 1)) {
      Reading reading = Patchscope.run(patches(llama, again).getLast()).reading();
      Reading own = Patchscope.run(patches(llama, llama).getLast()).reading();
      assertThat(own.sourceTop()).isNotNull();
      assertThat(reading).isEqualTo(own);
    }
  }
}
