package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.formats.Json;
import dev.diopter.formats.Npz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class PatchCommandTest {
  @TempDir Path folder;

  private static String[] words(String model, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "patch",
                model,
                "--bos",
                "--clean",
                Cli.PROMPT,
                "--corrupt",
                "When Mary and John went to the store, Mary gave a book to",
                "--answer",
                " Mary",
                "--wrong",
                " John"));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void patch_transformerLensCases_areItsSweeps(String model) {
    JsonNode expected =
        Json.read(
            Cli.root()
                .resolve("fixtures/lens-cases")
                .resolve(model)
                .resolve("activation-patching.json"));
    List<String> names =
        List.of("resid_pre", "mlp_out", "attn_head_out_all_pos", "attn_head_out_by_pos");
    JsonNode json =
        Cli.run(words(model, "--sites", String.join(",", names), "--json")).isClean().json();
    for (String key : List.of("clean_logit_diff", "corrupt_logit_diff")) {
      assertThat(json.path(key).doubleValue())
          .isCloseTo(expected.path(key).doubleValue(), within(1e-4));
    }
    assertThat(json.path("clean_ids")).isEqualTo(expected.path("clean_ids"));
    for (String name : names) {
      assertClose(json.path("sweeps").path(name), expected.path(name));
    }
    assertThat(json.path("counters").path("cells").intValue()).isEqualTo(90 + 90 + 24 + 360);
  }

  private static void assertClose(JsonNode actual, JsonNode expected) {
    assertThat(actual.size()).isEqualTo(expected.size());
    if (expected.isNumber()) {
      assertThat(actual.doubleValue()).isCloseTo(expected.doubleValue(), within(1e-4));
    }
    for (int i = 0; i < expected.size(); i++) {
      assertClose(actual.get(i), expected.get(i));
    }
  }

  @Test
  void patch_everythingElse_comesInItsOwnShape() throws IOException {
    Path csv = folder.resolve("p.csv");
    Path npz = folder.resolve("p.npz");
    JsonNode json =
        Cli.run(
                words(
                    "demo-llama",
                    "--sites",
                    "path_q,attn_head_all_pos_every,edge_knockout,path_logits",
                    "--senders",
                    "L0H1,2.3",
                    "--noise",
                    "--metric",
                    "logit_diff",
                    "--csv",
                    csv + "",
                    "--npz",
                    npz + "",
                    "--json",
                    "-q"))
            .isClean()
            .json();
    assertThat(json.path("sweeps").propertyNames())
        .containsExactly("path_q", "attn_head_all_pos_every", "edge_knockout", "path_logits");
    assertThat(json.path("axes").path("edge_knockout").toString())
        .isEqualTo("[\"layer\",\"destination\",\"source\"]");
    double clean = json.path("clean_logit_diff").doubleValue();
    assertThat(json.path("unpatched").path("edge_knockout").doubleValue()).isEqualTo(clean);
    assertThat(json.path("sweeps").path("path_logits")).hasSize(2);
    try (Npz file = Npz.open(npz)) {
      assertThat(file.read("attn_head_all_pos_every").shape()).containsExactly(5, 6, 4);
    }
    assertThat(Files.readAllLines(csv).getFirst())
        .isEqualTo("sweep,sender,layer,head,site,destination,source,value");
    assertThat(Files.readAllLines(csv)).hasSize(1 + 2 * 24 + 120 + 90 + 2);
  }

  @Test
  void patch_figure_isDrawnByPositionAndByHead() throws IOException {
    Path file = folder.resolve("p.html");
    String sites = "resid_pre,attn_head_k_all_pos,attn_head_out_by_pos,edge_knockout";
    Cli.Ran ran = Cli.run(words("demo-gpt2", "--sites", sites, "--figure", file + ""));
    assertThat(ran.isDone().err()).contains("p.position.html", "p.head.html");
    String page = Files.readString(folder.resolve("p.position.html"));
    assertThat(page)
        .contains("attn_head_out_by_pos, head 3", "edge_knockout, destination 0", "0.63", ">L5<")
        .contains(">0.00<")
        .doesNotContain("http://", "https://", "most probable token", "-0.00<");
    assertThat(Files.readString(folder.resolve("p.head.html"))).contains(">H3<");
    Path svg = folder.resolve("p.svg");
    Cli.run(words("demo-gpt2", "--sites", "resid_pre", "--figure", svg + "", "-q")).isDone();
    assertThat(Files.readString(svg)).contains("<svg", "Position");
  }

  @Test
  void patch_fewerKeyValueHeads_areAFigureOfTheirOwn() {
    Path file = folder.resolve("q.svg");
    String sites = "attn_head_k_all_pos,attn_head_q_all_pos";
    Cli.Ran ran = Cli.run(words("demo-llama", "--sites", sites, "--figure", file + ""));
    assertThat(ran.isDone().err()).contains("q.kv_head.svg", "q.head.svg");
    String help = Cli.run("patch", "--help").isDone().out();
    assertThat(help).contains(".kv_head");
  }

  private static String[] withoutWrong(String... more) {
    List<String> all = new ArrayList<>(List.of(words("demo-gpt2", more)));
    int at = all.indexOf("--wrong");
    all.subList(at, at + 2).clear();
    return all.toArray(String[]::new);
  }

  @ParameterizedTest
  @ValueSource(strings = {"probability", "log_probability", "rank", "kl"})
  void patch_metricOfNoDifference_needsNoWrongToken(String metric) {
    String[] more = {"--sites", "resid_pre", "--metric", metric};
    JsonNode with = Cli.run(words("demo-gpt2", with(more, "--json"))).isDone().json();
    JsonNode json = Cli.run(withoutWrong(with(more, "--json"))).isDone().json();
    assertThat(json.path("sweeps")).isEqualTo(with.path("sweeps"));
    assertThat(json.get("wrong").isNull()).isTrue();
    assertThat(json.get("clean_logit_diff").isNull()).isTrue();
    assertThat(Cli.run(withoutWrong(more)).isDone().out()).contains(": logit of \u2423Mary");
  }

  private static String[] with(String[] words, String last) {
    List<String> all = new ArrayList<>(List.of(words));
    all.add(last);
    return all.toArray(String[]::new);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"--metric normalized", "--metric logit_diff", "--metric kl --attribution"})
  void patch_logitDifferences_needAWrongToken(String more) {
    assertThat(Cli.run(withoutWrong(more.split(" "))).failed(2).err())
        .contains("expected one of --wrong and --wrong-id, got none");
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void patch_estimate_isTheMostThatTheRunCosts(String model) {
    String sites =
        "resid_pre,mlp_out,attn_head_k_by_pos,path_q,path_logits,edge_knockout,edge_knockout_by_head";
    String[] more = {"--sites", sites, "--senders", "L0H1,L2H3", "--window", "3", "--json"};
    List<String> words = new ArrayList<>(List.of(words(model, more)));
    JsonNode counters = Cli.run(words(model, more)).isClean().json().path("counters");
    words.add("--estimate");
    JsonNode json = Cli.run(words.toArray(String[]::new)).isClean().json();
    assertThat(json.propertyNames()).containsExactly("model", "backend", "estimate");
    JsonNode most = json.path("estimate");
    assertThat(most.path("cells")).isEqualTo(counters.path("cells"));
    for (String key : List.of("token_layers", "unembeddings")) {
      // The prompts differ at one position, so nearly everything behind it does.
      assertThat(counters.path(key).longValue())
          .as(key)
          .isLessThanOrEqualTo(most.path(key).longValue())
          .isGreaterThan(most.path(key).longValue() * 9 / 10);
      assertThat(most.path(key).longValue())
          .isLessThan(most.path("one_run_each").path(key).longValue());
    }
    assertThat(most.path("seconds").doubleValue()).isPositive();
    String out = Cli.run(words(model, "--sites", "resid_pre", "--estimate")).isDone().out();
    assertThat(out).contains("token-layers", "at most", "memory").doesNotContain("L5");
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void patch_attribution_addsUpToTheLogitDifferences(String model) {
    JsonNode json =
        Cli.run(words(model, "--sites", "resid_pre", "--attribution", "--json")).isClean().json();
    JsonNode parts = json.path("attribution");
    for (String kind : List.of("components", "heads")) {
      double clean = parts.path("bias").doubleValue();
      double change = 0;
      for (JsonNode part : parts.path(kind)) {
        clean += part.path("clean").doubleValue();
        change += part.path("change").doubleValue();
      }
      double wanted = json.path("clean_logit_diff").doubleValue();
      assertThat(clean).isCloseTo(wanted, within(1e-4));
      assertThat(change)
          .isCloseTo(wanted - json.path("corrupt_logit_diff").doubleValue(), within(1e-4));
    }
    String out =
        Cli.run(words(model, "--sites", "resid_pre", "--attribution", "--top", "3")).isDone().out();
    assertThat(out).contains("direct attribution", "all, with bias");
  }

  @Test
  void patch_terminal_hasATableForEachSweep() {
    Cli.Ran ran =
        Cli.run(words("demo-gpt2", "--sites", "resid_pre,attn_head_out_by_pos", "--top", "3"));
    assertThat(ran.isDone().out())
        .contains("resid_pre (unpatched 0.0000)", "L5", "\u2423John / \u2423Mary", "change");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --answer,Mary Ann |expected one of --answer and --answer-id, got both
          --sites,resid_per |unknown sweep 'resid_per'; nearest: resid_pre
          --sites,path_q |expected --senders together with path_q
          --metric,loss |--metric: expected one of normalized
          --senders,x,--sites,path_q |--senders: expected heads such as L2H0
          --figure,p.gif |expected a file name with .html
          --memory,0 |--memory: expected 1 or more
          --sites,edge_knockout,--destinations,15 |destinations: expected 0..14
          --sites,path_q,--senders,L9H0 |layer: expected 0 to 5
          """)
  void patch_wrongUsage_isRefused(String more, String message) {
    String[] words =
        more.startsWith("--answer") ? new String[] {"--answer-id", "3"} : more.split(",");
    assertThat(Cli.run(words("demo-gpt2", words)).failed(2).err()).contains(message);
  }

  @Test
  void patch_answerOfSeveralTokens_isRefused() {
    Cli.Ran ran =
        Cli.run(
            "patch",
            "demo-gpt2",
            "--clean",
            "a b",
            "--corrupt",
            "a b",
            "--answer",
            " Mary Ann",
            "--wrong",
            " John");
    assertThat(ran.failed(2).err()).contains("--answer: expected one token, got");
  }

  @Test
  void patch_promptsOfDifferentLength_areRefused() {
    Cli.Ran ran =
        Cli.run(
            "patch",
            "demo-gpt2",
            "--clean-ids",
            "1,2",
            "--corrupt-ids",
            "1,2,3",
            "--answer-id",
            "1",
            "--wrong-id",
            "2");
    assertThat(ran.failed(2).err()).contains("the clean one has 2, the corrupt one 3");
  }
}
