package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class RunCommandTest {

  @Test
  void run_prompt_printsTokensLossAndTable() {
    Cli.Ran ran = Cli.run("run", "demo-gpt2", "--bos", Cli.PROMPT, "--top", "3").isClean();
    assertThat(ran.out())
        .contains("tokens  <|endoftext|> When ␣Mary ␣and ␣John", "nats a token, mean of 14");
    List<String> lines = ran.out().lines().toList();
    assertThat(lines.subList(lines.size() - 3, lines.size()))
        .first()
        .asString()
        .matches(" +1 +753  ␣Mary +15\\.53\\d\\d +0\\.99\\d{4}");
  }

  @Test
  void run_json_hasTheKeysThatScriptsRelyOn() {
    JsonNode json =
        Cli.run("run", "demo-gpt2", "--bos", Cli.PROMPT, "--top", "3", "--json").isClean().json();
    assertThat(json.propertyNames())
        .containsExactly("model", "backend", "processing", "ids", "tokens", "loss_nats", "top");
    assertThat(json.path("ids")).hasSize(15);
    assertThat(json.path("ids").get(0).intValue()).isZero();
    assertThat(json.path("tokens").get(2).stringValue()).isEqualTo(" Mary");
    assertThat(json.path("loss_nats").doubleValue()).isBetween(1.0, 4.0);
    assertThat(json.path("top")).hasSize(3);
    JsonNode first = json.path("top").get(0);
    assertThat(first.propertyNames()).containsExactly("id", "token", "logit", "probability");
    assertThat(first.path("token").stringValue()).isEqualTo(" Mary");
    assertThat(first.path("probability").doubleValue()).isCloseTo(0.9908, within(1e-3));
  }

  @Test
  void run_topOfTheWholeVocabulary_hasProbabilitiesThatSumToOne() {
    JsonNode json =
        Cli.run("run", "demo-gpt2", "--ids", "0,1", "--top", "5000", "--json").isClean().json();
    assertThat(json.path("top")).hasSize(1024);
    double sum = 0;
    for (JsonNode entry : json.path("top")) {
      sum += entry.path("probability").doubleValue();
    }
    assertThat(sum).isCloseTo(1, within(1e-12));
  }

  @Test
  void run_tokenThatIsNoText_comesWithItsBytes() {
    JsonNode json =
        Cli.run("run", "demo-gpt2", "--ids", "0,1", "--top", "1024", "--json").isClean().json();
    int without = 0;
    for (JsonNode entry : json.path("top")) {
      if (entry.has("bytes")) {
        without++;
        assertThat(entry.path("bytes").stringValue()).matches("[0-9a-f]{2}( [0-9a-f]{2})*");
      }
    }
    // Of the 256 bytes in the vocabulary the upper half is no UTF-8 alone.
    assertThat(without).isGreaterThanOrEqualTo(100);
  }

  @Test
  void run_oneToken_hasNoLoss() {
    assertThat(
            Cli.run("run", "demo-gpt2", "--ids", "0", "--json")
                .isClean()
                .json()
                .path("loss_nats")
                .isNull())
        .isTrue();
    assertThat(Cli.run("run", "demo-gpt2", "--ids", "0").isClean().out()).contains("loss    none");
  }

  @Test
  void run_idsInEveryForm_areThePrompt(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("ids.json"), "[0, 278, 309]");
    String expected = Cli.run("run", "demo-gpt2", "--ids", "0,278,309", "--json").isClean().out();
    assertThat(Cli.run("run", "demo-gpt2", "--ids-file", file.toString(), "--json").isClean().out())
        .isEqualTo(expected);
    assertThat(Cli.run("run", "demo-gpt2", "--ids", "278,309", "--bos", "--json").isClean().out())
        .isEqualTo(expected);
    assertThat(Cli.run("run", "demo-gpt2", "--ids", "0,278,309", "--bos", "--json").isClean().out())
        .isEqualTo(expected);
  }

  @Test
  void run_dash_readsStandardInputWithoutItsLineEnd() {
    String expected = Cli.run("run", "demo-gpt2", "--bos", "Mary and", "--json").isClean().out();
    assertThat(
            Cli.runWithInput("Mary and\n", "run", "demo-gpt2", "--bos", "-", "--json")
                .isClean()
                .out())
        .isEqualTo(expected);
  }

  @Test
  void run_promptThatLooksLikeAFileOrAnOption_isAPrompt() {
    assertThat(Cli.run("run", "demo-gpt2", "--bos", "@pom.xml", "--json").isClean().out())
        .contains("\"@\"");
    assertThat(Cli.run("run", "demo-gpt2", "--bos", "--json", "--", "-5 degrees").isClean().out())
        .contains("\"-\"");
  }

  @Test
  void run_checkpointWithoutTokenizer_showsIds() {
    Cli.Ran table = Cli.run("run", Cli.fixture("gpt2-tiny"), "--ids", "1,2,3").isClean();
    assertThat(table.out()).contains("tokens  #1 #2 #3");
    JsonNode json =
        Cli.run("run", Cli.fixture("llama-gqa"), "--ids", "1,2,3", "--json").isClean().json();
    assertThat(json.path("tokens").isNull()).isTrue();
    assertThat(json.path("top").get(0).path("token").isNull()).isTrue();
  }

  @Test
  void run_demoModelWithoutBos_advises() {
    Cli.Ran ran = Cli.run("run", "demo-gpt2", "Mary");
    assertThat(ran.code()).isZero();
    assertThat(ran.err())
        .isEqualTo(
            "note: demo-gpt2 was trained with BOS in front of every text; you may want --bos\n");
    Cli.run("run", "demo-gpt2", "Mary", "--quiet").isClean();
  }

  @Test
  void run_plan_changesTheAnswer(@TempDir Path folder) throws IOException {
    Path plan =
        Files.writeString(
            folder.resolve("plan.json"),
            """
            {"edits": [{"hook": "blocks.2.attn.hook_z", "heads": [1], "op": "zero"}]}
            """);
    JsonNode edited =
        Cli.run("run", "demo-gpt2", "--bos", Cli.PROMPT, "--edit", plan.toString(), "--json")
            .isClean()
            .json();
    JsonNode plain = Cli.run("run", "demo-gpt2", "--bos", Cli.PROMPT, "--json").isClean().json();
    assertThat(edited.path("top").get(0).path("logit"))
        .isNotEqualTo(plain.path("top").get(0).path("logit"));
  }

  @Test
  void run_out_writesTheSameObject(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("run.json");
    Cli.Ran ran =
        Cli.run("run", "demo-gpt2", "--ids", "0,1", "--json", "--out", file.toString()).isDone();
    assertThat(Files.readString(file)).isEqualTo(ran.out());
    assertThat(ran.err()).isEqualTo("wrote " + file + "\n");
  }

  @Test
  void run_referenceBackendAndThreads_agree() {
    String cpu =
        Cli.run("run", "demo-gpt2", "--ids", "0,1,2", "--threads", "1", "--top", "1")
            .isClean()
            .out();
    String reference =
        Cli.run("run", "demo-gpt2", "--ids", "0,1,2", "--backend", "reference", "--top", "1")
            .isClean()
            .out();
    assertThat(cpu.lines().skip(1)).containsExactlyElementsOf(reference.lines().skip(1).toList());
  }
}
