package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.lens.tuned.LensConfig;
import dev.diopter.lens.tuned.LensFiles;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.TunedLens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Lenses of a model with processed weights from the command line. */
class ProcessedLensCommandsTest {
  @TempDir Path folder;

  private String texts = "";
  private String lens = "";

  @BeforeEach
  void write() throws IOException {
    texts = Files.writeString(folder.resolve("t.txt"), (Cli.PROMPT + "\n").repeat(9)).toString();
    Path of = Files.createDirectories(folder.resolve("lenses/folded"));
    LensConfig config =
        new LensConfig(
            "demo-gpt2", null, 128, 6, true, null, LensSite.RESID_PRE, List.of("fold_ln"));
    LensFiles.save(of, TunedLens.untrained(config));
    lens = of.toString();
  }

  private Cli.Ran basis(String... more) {
    String[] first = {
      "lens",
      "basis",
      "demo-gpt2",
      "--data",
      texts,
      "--max-length",
      "8",
      "--tokens",
      "16",
      "--layers",
      "1",
      "-k",
      "1",
      "--lens",
      lens
    };
    String[] all = java.util.Arrays.copyOf(first, first.length + more.length);
    System.arraycopy(more, 0, all, first.length, more.length);
    return Cli.run(all);
  }

  @Test
  void basis_processedLens_goesWithItsProcessing() {
    JsonNode json = basis("--process", "fold_ln", "--json").isDone().json();
    assertThat(json.path("processing").toString()).isEqualTo("[\"fold_ln\"]");
    assertThat(basis("--process", "fold_ln").isDone().out())
        .contains("tuned lens, 16 positions, processed: fold_ln; energy");
    assertThat(basis().failed(1).err()).contains("a tuned lens holds for one of them only");
    assertThat(basis("--process", "fold_lm").failed(2).err()).contains("--process: expected");
  }

  @Test
  void figures_processed_sayItInTheirTitles() throws IOException {
    Path html = folder.resolve("f.html");
    Path svg = folder.resolve("f.svg");
    Cli.run(
            "lens",
            "show",
            "demo-gpt2",
            "--ids",
            "0,5",
            "--process",
            "fold_ln",
            "--figure",
            html.toString(),
            "--figure",
            svg.toString())
        .isDone();
    String title = "logit lens of demo-gpt2, processed: fold_ln";
    assertThat(Files.readString(html)).contains("<h1>" + title + "</h1>");
    assertThat(Files.readString(svg)).contains("processed: fold_ln");
  }

  @Test
  void list_processedLens_saysSo() {
    String parent = folder.resolve("lenses").toString();
    assertThat(Cli.run("lens", "list", parent).isClean().out())
        .containsPattern("folded +demo-gpt2 +6 +128 +resid_pre, processed: fold_ln");
    JsonNode json = Cli.run("lens", "list", parent, "--json").isClean().json();
    assertThat(json.path("lenses").get(0).path("processing").toString()).isEqualTo("[\"fold_ln\"]");
  }

  @Test
  void evalAndTrain_processed_sayIt() throws IOException {
    String metrics = folder.resolve("metrics").toString();
    String[] eval = {
      "lens",
      "eval",
      "demo-gpt2",
      "--data",
      texts,
      "--max-length",
      "16",
      "--process",
      "fold_ln",
      "-o",
      metrics
    };
    assertThat(Cli.run(eval).isDone().out()).contains(" tokens, processed: fold_ln; the model: ");
    assertThat(Files.readString(Path.of(metrics, "aggregate_metrics.json")))
        .containsPattern("\"processing\": ?\\[\\s*\"fold_ln\"\\s*]");
    String[] train = {
      "lens",
      "train",
      "demo-gpt2",
      "--data",
      texts,
      "--max-length",
      "16",
      "--process",
      "fold_ln",
      "-o",
      folder.resolve("trained").toString(),
      "--start",
      "ridge",
      "--steps",
      "0"
    };
    assertThat(Cli.run(train).isDone().out())
        .contains("a lens of 6 layers, processed: fold_ln, 0 tokens");
  }
}
