package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class LensShowCommandTest {
  @TempDir Path folder;

  private static String lens(String model) {
    return Path.of(System.getProperty("diopter.root"), "fixtures/lens-cases", model, "tuned-lens")
        .toString();
  }

  @Test
  void show_json_hasTheNamesThatScriptsRelyOn() {
    JsonNode shown =
        Cli.run(
                "lens",
                "show",
                "demo-gpt2",
                "--ids",
                "0,5,17",
                "--lens",
                lens("demo-gpt2"),
                "--statistic",
                "entropy,rank,log_prob_diff_delta",
                "--anti-target-ids",
                "7",
                "--top",
                "2",
                "--json")
            .isClean()
            .json();
    assertThat(shown.path("lens").stringValue()).isEqualTo("tuned");
    assertThat(shown.path("layers").size()).isEqualTo(7);
    assertThat(shown.path("layers").get(6).stringValue()).isEqualTo("output");
    assertThat(shown.path("tokens").size()).isEqualTo(3);
    JsonNode statistics = shown.path("statistics");
    assertThat(statistics.path("entropy").size()).isEqualTo(7);
    assertThat(statistics.path("entropy").get(0).size()).isEqualTo(3);
    assertThat(statistics.path("log_prob_diff_delta").size()).isEqualTo(6);
    assertThat(statistics.path("rank").get(0).get(2).stringValue()).isEqualTo("NaN");
    assertThat(shown.path("top").get(6).get(2).size()).isEqualTo(2);
    assertThat(shown.path("prediction_depth").size()).isEqualTo(3);
  }

  @Test
  void show_strideAndClip_actOnWhatIsPrinted() {
    JsonNode shown =
        Cli.run(
                "lens",
                "show",
                "demo-llama",
                "--ids",
                "0,5,17",
                "--stride",
                "4",
                "--clip",
                "1,2",
                "--json")
            .isClean()
            .json();
    assertThat(shown.path("layers").toString()).isEqualTo("[\"0\",\"4\",\"output\"]");
    shown
        .path("statistics")
        .path("entropy")
        .forEach(row -> row.forEach(value -> assertThat(value.doubleValue()).isBetween(1.0, 2.0)));
  }

  @Test
  void show_stridedDelta_hasLabelsOfItsOwn() {
    JsonNode shown =
        Cli.run(
                "lens",
                "show",
                "demo-gpt2",
                "--ids",
                "0,5,17",
                "--stride",
                "4",
                "--statistic",
                "log_prob_diff_delta,entropy",
                "--anti-target-ids",
                "5",
                "--json")
            .isClean()
            .json();
    assertThat(shown.path("layers").toString()).isEqualTo("[\"0\",\"4\",\"output\"]");
    assertThat(shown.path("statistic_layers").toString())
        .isEqualTo("{\"log_prob_diff_delta\":[\"0\",\"4\",\"5\"]}");
    assertThat(shown.path("statistics").path("log_prob_diff_delta").size()).isEqualTo(3);
  }

  @Test
  void show_table_hasALineForEachPositionWhateverTheWidth() {
    for (String columns : new String[] {"60", "100", "300"}) {
      Cli.Ran ran =
          Cli.runOnTerminal(
              Map.of("COLUMNS", columns), "lens", "show", "demo-gpt2", "--ids", "0,5,17");
      assertThat(ran.code()).isZero();
      assertThat(ran.out()).contains("logit lens of demo-gpt2", "Entropy (nats)", "output");
      ran.out()
          .lines()
          .filter(line -> line.contains("\u001b[38"))
          .forEach(
              line -> assertThat(Text.width(line)).isLessThanOrEqualTo(Integer.parseInt(columns)));
    }
  }

  @Test
  void show_figures_areWritten() throws IOException {
    Path html = folder.resolve("f.html");
    Path plotly = folder.resolve("f.plotly.json");
    Cli.run(
            "lens",
            "show",
            "demo-gpt2",
            "--ids",
            "0,5,17",
            "--statistic",
            "kl_divergence",
            "--other-ids",
            "0,5,18",
            "--figure",
            html.toString(),
            "--figure",
            plotly.toString(),
            "--log-scale",
            "--color-scale",
            "Viridis",
            "--title",
            "mine")
        .isDone();
    assertThat(Files.readString(html))
        .contains("<h1>mine</h1>", "KL(Self | Other) (nats)", "changes most");
    JsonNode figure = Json.read(plotly);
    assertThat(figure.path("data").get(0).path("colorscale").get(0).get(1).stringValue())
        .isEqualTo("rgb(68,1,84)");
  }

  @Test
  void show_editAlone_comparesWithTheSamePromptWithoutIt() throws IOException {
    Path plan =
        Files.writeString(
            folder.resolve("plan.json"),
            "{\"edits\": [{\"hook\": \"blocks.3.hook_attn_out\", \"op\": \"zero\"}]}");
    JsonNode shown =
        Cli.run(
                "lens",
                "show",
                "demo-gpt2",
                "--ids",
                "0,5,17",
                "--edit",
                plan.toString(),
                "--statistic",
                "total_variation",
                "--json")
            .isClean()
            .json();
    JsonNode rows = shown.path("statistics").path("total_variation");
    assertThat(rows.get(3).get(2).doubleValue()).isZero();
    assertThat(rows.get(4).get(2).doubleValue()).isPositive();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--statistic|tv|statistic: expected some of entropy",
        "--statistic|jeffreys|jeffreys: expected --other, --other-ids or --edit",
        "--statistic|log_prob_diff|log_prob_diff: expected --anti-target-ids",
        "--clip|3,1|--clip: expected two numbers",
        "--stride|0|--stride: expected 1 or more, got 0",
        "--figure|x.gif|expected a file name with .html",
        "--site|attn_out|lens site: expected one of [resid_pre",
        "--target-ids|1,2|targets: expected one for each of 3 positions, got 2",
        "--target-ids|a|--target-ids: expected numbers with commas",
        "--color-scale|jet|colour scale: expected one of",
        "--top|0|top tokens: expected 1 or more"
      })
  void show_wrongUse_isToldInOneLine(String option, String value, String message) {
    assertThat(
            Cli.run("lens", "show", "demo-gpt2", "--ids", "0,5,17", option, value).failed(2).err())
        .contains(message);
  }

  @Test
  void show_lensOfAnotherModel_failsUnlessWelcome() {
    String[] command = {
      "lens", "show", "demo-llama", "--ids", "0,5", "--lens", lens("demo-gpt2"), "--any-model"
    };
    assertThat(Cli.run(java.util.Arrays.copyOf(command, 7)).failed(1).err())
        .contains("the lens belongs to demo-gpt2, whose unembedding has the hash 825528a8ba98");
    assertThat(Cli.run(command).isDone().err()).contains("trained on another model");
    assertThat(
            Cli.run("lens", "show", "demo-gpt2", "--ids", "0", "--lens", folder.toString())
                .failed(1)
                .err())
        .contains("expected a folder with config.json and params.pt");
  }
}
