package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class DemoCommandTest {

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void demo_bundledModel_answersMary(String model) {
    Cli.Ran ran = Cli.run("demo", "--model", model).isClean();
    assertThat(ran.out())
        .startsWith("Diopter looks into " + model)
        .containsPattern("(?m)^ +1 +\\d+  ␣Mary ")
        .containsPattern("(?m)^ +14 ␣to .*␣Mary +\\d\\d+$")
        .contains("What each layer would say", "Where the last token looks", "What next")
        .doesNotContain("\u001b");
    assertThat(ran.out().lines())
        .allSatisfy(line -> assertThat(Text.width(line)).isLessThanOrEqualTo(100));
  }

  @ParameterizedTest
  @ValueSource(ints = {80, 100, 120})
  void demo_terminal_staysWithinItsWidth(int width) {
    Cli.Ran ran =
        Cli.runOnTerminal(Map.of("COLUMNS", Integer.toString(width), "TERM", "xterm"), "demo")
            .isClean();
    assertThat(ran.out()).contains("\u001b[");
    assertThat(ran.out().lines())
        .allSatisfy(line -> assertThat(Text.width(line)).isLessThanOrEqualTo(width));
  }

  @Test
  void demo_noColor_hasNone() {
    assertThat(Cli.runOnTerminal(Map.of("NO_COLOR", "1"), "demo").isClean().out())
        .doesNotContain("\u001b");
    assertThat(Cli.runOnTerminal(Map.of("TERM", "dumb"), "demo").isClean().out())
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
  }

  @Test
  void demo_otherModel_isRefused() {
    assertThat(Cli.run("demo", "--model", "gpt2").failed(2).err())
        .contains("expected one of demo-gpt2, demo-llama");
  }
}
