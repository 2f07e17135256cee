package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class DemoCommandTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void demo_bundledModel_answersMary(String model) {
    Cli.Ran ran = Cli.run("demo", "--model", model, "--no-report").isClean();
    assertThat(ran.out())
        .startsWith("Diopter looks into " + model)
        .containsPattern("(?m)^ +1 +\\d+  ␣Mary ")
        .containsPattern("(?m)^ +14 ␣to .*␣Mary +\\d\\d+$")
        .contains(
            "What each layer would say", "Where the last token looks", "All that head", "What next")
        .containsPattern("(?m)^  logit lens +1\\d\\.\\d\\d ")
        .containsPattern("(?m)^  tuned lens +1\\.\\d\\d ")
        .containsPattern("(?m)^  10 ␣John / ␣Mary +1\\.00 .* 0\\.00$")
        .containsPattern("(?m)^  14 ␣to +0\\.00 .* 1\\.00$")
        .containsPattern("(?m)^  France +␣R .*␣Paris +9\\d$")
        .containsPattern("(?m)^ +2 ␣Mary +[·░▒▓█]{2} [·░▒▓█]{2} [·░▒▓█]{2}$")
        .doesNotContain("\u001b");
    assertThat(ran.out().lines())
        .allSatisfy(line -> assertThat(Text.width(line)).isLessThanOrEqualTo(100));
  }

  @ParameterizedTest
  @ValueSource(ints = {80, 100, 120})
  void demo_terminal_staysWithinItsWidth(int width) {
    Cli.Ran ran =
        Cli.runOnTerminal(
                Map.of("COLUMNS", Integer.toString(width), "TERM", "xterm"), "demo", "--no-report")
            .isClean();
    assertThat(ran.out()).contains("\u001b[");
    assertThat(ran.out().lines())
        .allSatisfy(line -> assertThat(Text.width(line)).isLessThanOrEqualTo(width));
  }

  @Test
  void demo_noColor_hasNone() {
    assertThat(Cli.runOnTerminal(Map.of("NO_COLOR", "1"), "demo", "--no-report").isClean().out())
        .doesNotContain("\u001b");
    assertThat(Cli.runOnTerminal(Map.of("TERM", "dumb"), "demo", "--no-report").isClean().out())
        .doesNotContain("\u001b");
  }

  @Test
  void demo_json_hasTopLensAndEdges() {
    JsonNode json = Cli.run("demo", "--json").isClean().json();
    assertThat(json.path("top").get(0).path("token").stringValue()).isEqualTo(" Mary");
    JsonNode lens = json.path("lens");
    assertThat(lens).hasSize(7);
    assertThat(lens.get(0).path("after").stringValue()).isEqualTo("embed");
    JsonNode last = lens.get(6).path("positions").get(14);
    assertThat(last.path("id")).isEqualTo(json.path("top").get(0).path("id"));
    assertThat(last.path("logit")).isEqualTo(json.path("top").get(0).path("logit"));
    assertThat(json.path("edges").size()).isBetween(6, 12);
    for (JsonNode edge : json.path("edges")) {
      assertThat(edge.path("query").intValue()).isEqualTo(14);
      assertThat(edge.path("key").intValue()).isBetween(1, 13);
      assertThat(edge.path("weight").floatValue()).isBetween(0f, 1f);
    }
    assertThat(json.path("heads")).hasSize(5);
    assertThat(json.path("heads").get(0).path("score").stringValue()).isEqualTo("previous_token");
    assertThat(json.path("heads").get(0).path("value").doubleValue()).isBetween(0.1, 1.0);
    for (int depth = 0; depth < 6; depth++) {
      assertThat(json.path("lens_kl").path("tuned").get(depth).doubleValue())
          .isLessThan(json.path("lens_kl").path("logit").get(depth).doubleValue());
    }
    JsonNode output = json.path("tuned_lens").get(6).path("positions").get(14);
    assertThat(output.path("id")).isEqualTo(last.path("id"));
    assertThat(output.path("probability").doubleValue())
        .isCloseTo(last.path("probability").doubleValue(), within(1e-6));
    JsonNode patching = json.path("patching");
    assertThat(patching.path("wrong").path("token").stringValue()).isEqualTo(" John");
    assertThat(patching.path("resid_pre").get(0).get(10).doubleValue()).isCloseTo(1, within(1e-6));
    assertThat(patching.path("resid_pre").get(5).get(14).doubleValue()).isGreaterThan(0.9);
    JsonNode france = json.path("patchscope").get(0);
    assertThat(france.path("layers").get(6).path("token").stringValue()).isEqualTo(" Paris");
  }

  @Test
  void demo_report_isOnePageWithAllOfIt() throws IOException {
    Path file = folder.resolve("report.html");
    Cli.Ran ran = Cli.run("demo", "--report", file.toString()).isClean();
    assertThat(ran.out()).contains(file + ": open it in a browser");
    String page = Files.readString(file);
    assertThat(page)
        .startsWith("<!doctype html>")
        .contains("What comes next", "Where the last token looks", "What each layer would say")
        .contains("The same by a tuned lens", "What carries the answer", ">10 ␣John / ␣Mary<")
        .contains("What a vector stands for", ">␣Paris<")
        .contains("data:image/png;base64,", ">␣Mary<")
        .doesNotContain("http:", "https:", "src=\"/", "<script");
    assertThat(page.split("<figure>")).hasSize(7);
    assertThat(Cli.run("demo", "--report", file.toString()).isClean().out()).isEqualTo(ran.out());
    assertThat(Files.readString(file)).isEqualTo(page);
    assertThat(Cli.run("demo", "--report", file.toString(), "--no-report").failed(2).err())
        .contains("expected one of --report and --no-report, got both");
    assertThat(Cli.run("demo", "--report", folder.resolve("a/b").toString()).failed(1).err())
        .contains("does not exist; create it first");
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void demo_report_namesTheFirstPosition(String model) throws IOException {
    Path file = folder.resolve("report.html");
    Cli.run("demo", "--model", model, "--report", file.toString()).isClean();
    // The prompt has BOS in front, so rows and columns of the pictures begin with it.
    String first = "&lt;|endoftext|&gt;";
    assertThat(Files.readString(file))
        .contains("rows are queries, columns keys, both from 0 " + first + " on; the darker,")
        .contains("scope=\"row\">0 " + first + "<");
  }

  @Test
  void demo_withoutWordOfAPage_takesNoFileOfSomebodyElse() throws Exception {
    Path file = folder.resolve("report.html");
    assertThat(demoHere()).isEmpty();
    String page = Files.readString(file);
    assertThat(page).contains(DemoPage.TITLE);
    // Its own page, older, is replaced.
    Files.writeString(file, DemoPage.TITLE + "some model</title>");
    assertThat(demoHere()).isEmpty();
    assertThat(file).hasContent(page.strip());
    for (String foreign : List.of("<title>mine</title>", "\u00e9")) {
      Files.write(file, foreign.getBytes(StandardCharsets.ISO_8859_1));
      assertThat(demoHere()).contains("report.html is there already").endsWith("by --report\n");
      assertThat(Files.readString(file, StandardCharsets.ISO_8859_1)).isEqualTo(foreign);
    }
  }

  /** Runs the demo in the folder, where its page usually goes; gives its words on failures. */
  private String demoHere() throws IOException, InterruptedException {
    Process process = Processes.diopter(folder, "demo");
    try {
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      String errors = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as(errors).isZero();
      assertThat(out).startsWith("Diopter looks into demo-gpt2");
      return errors;
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void demo_otherModel_isRefused() {
    assertThat(Cli.run("demo", "--model", "gpt2").failed(2).err())
        .contains("expected one of demo-gpt2, demo-llama");
  }
}
