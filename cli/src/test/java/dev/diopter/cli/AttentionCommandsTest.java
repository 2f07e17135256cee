package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.diopter.formats.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class AttentionCommandsTest {
  @TempDir Path folder;
  private String texts = "";

  @BeforeEach
  void write() throws IOException {
    JsonNode cases =
        Json.read(Cli.root().resolve("fixtures/lens-cases/demo-gpt2/attention-data.json"));
    StringBuilder lines = new StringBuilder();
    for (JsonNode text : cases.get("texts")) {
      lines.append(Json.compact(Json.object().put("text", text.stringValue()))).append('\n');
    }
    texts = Files.writeString(folder.resolve("texts.jsonl"), lines).toString();
  }

  private String[] words(String command, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "attention",
                command,
                "demo-gpt2",
                "--layer",
                "2",
                "--head",
                "0",
                "--texts",
                texts));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  @ParameterizedTest
  @ValueSource(strings = {"raw", "compat"})
  void ranked_originalsModes_giveItsLists(String mode) {
    JsonNode wanted =
        Json.read(Cli.root().resolve("fixtures/lens-cases/demo-gpt2/attention-data.json"))
            .path("heads")
            .path("L2H0")
            .path(mode.equals("raw") ? "raw" : "suppressed");
    JsonNode json =
        Cli.run(words("ranked", "--mode", mode, "--limit", "25", "--json", "-q")).isClean().json();
    assertThat(json.path("entries").intValue()).isEqualTo(wanted.path("entries").intValue());
    assertThat(json.path("samples").intValue()).isEqualTo(wanted.path("samples").intValue());
    assertThat(json.path("rows")).hasSize(25);
    for (int i = 0; i < 25; i++) {
      JsonNode row = json.path("rows").get(i);
      JsonNode expected = wanted.path("top25").get(i);
      assertThat(row.path("token")).isEqualTo(expected.get(0));
      assertThat(row.path("prefix")).isEqualTo(expected.get(2));
      assertThat(row.path("multiple").doubleValue())
          .isBetween(expected.get(1).doubleValue() - .051, expected.get(1).doubleValue() + .051);
      assertThat(row.path("pattern")).hasSize(row.path("query").intValue() + 1);
    }
  }

  @Test
  void ranked_csvOfTextsLikeFormulas_keepsThemExact() throws IOException {
    Path formula =
        Files.writeString(folder.resolve("f.txt"), "=1+2 is written here by a friend of mine");
    Path csv = folder.resolve("f.csv");
    Cli.run(
            "attention",
            "ranked",
            "demo-gpt2",
            "--layer",
            "2",
            "--head",
            "0",
            "--mode",
            "raw",
            "--no-special",
            "--min-length",
            "1",
            "--texts",
            formula.toString(),
            "--csv",
            csv.toString())
        .isDone();
    assertThat(Files.readString(csv)).contains(",=1+2 is").doesNotContain("'=", "\t=");
  }

  @Test
  void ranked_files_holdTheRows() throws IOException {
    Path csv = folder.resolve("a.csv");
    Path html = folder.resolve("a.html");
    Cli.Ran ran =
        Cli.run(words("ranked", "--bos", "--limit", "3", "--csv", csv + "", "--html", html + ""))
            .isDone();
    assertThat(ran.out()).contains("L2H0: the highest multiples", "no-sink: m(q,k)", "\u25b8");
    assertThat(Files.readAllLines(csv).getFirst()).startsWith("rank,text,start,query,key");
    assertThat(Files.readString(html))
        .contains("Content-Security-Policy", "class=\"t s\"", "sink, left out", "scored key")
        .doesNotContain("http://", "https://", " style=");
  }

  @Test
  void ranked_terminal_coloursTheTokens() {
    Cli.Ran ran =
        Cli.runOnTerminal(Map.of("TERM", "xterm"), words("ranked", "--bos", "--limit", "2"));
    assertThat(ran.isDone().out()).contains("\u001b[38;5;255;48;5;");
  }

  @Test
  void random_seedAndFilter_areKept() {
    String[] words = words("random", "--token", ".", "--limit", "4", "--seed", "3", "--json", "-q");
    JsonNode json = Cli.run(words).isClean().json();
    assertThat(json.path("rows"))
        .hasSize(4)
        .allMatch(r -> r.path("token").stringValue().equals("."));
    assertThat(Cli.run(words).json()).isEqualTo(json);
    assertThat(json.path("matching").intValue()).isLessThan(json.path("entries").intValue());
  }

  @Test
  void heads_sorted_listsAllScores() {
    JsonNode json =
        Cli.run("attention", "heads", "demo-gpt2", "--sort", "copying", "--json").isClean().json();
    assertThat(json.path("heads")).hasSize(24);
    double last = 1;
    for (JsonNode head : json.path("heads")) {
      assertThat(head.propertyNames())
          .containsExactly(
              "layer",
              "head",
              "entropy",
              "sink_share",
              "mean_distance",
              "previous_token",
              "duplicate_token",
              "induction",
              "copying");
      assertThat(head.path("copying").doubleValue()).isLessThanOrEqualTo(last);
      last = head.path("copying").doubleValue();
    }
    Path csv = folder.resolve("heads.csv");
    assertThat(
            Cli.run(
                    "attention",
                    "heads",
                    "demo-llama",
                    "--texts",
                    texts,
                    "--no-copying",
                    "--limit",
                    "2",
                    "--csv",
                    csv + "")
                .isDone()
                .out())
        .contains("L0H1")
        .doesNotContain("L1H0");
    assertThat(csv).content().startsWith("layer,head,entropy").endsWith(",\r\n");
  }

  @Test
  void heads_modelWithoutTokenizer_needsNoTexts() {
    JsonNode json =
        Cli.run("attention", "heads", Cli.fixture("llama-gqa"), "--period", "8", "--json")
            .isClean()
            .json();
    assertThat(json.path("heads")).hasSize(8);
    assertThat(json.path("ids")).hasSize(17);
  }

  @Test
  void describe_localAndDryRun_askNobody() {
    JsonNode json = Cli.run(words("describe", "--bos", "--json")).isClean().json();
    assertThat(json.path("described_by").stringValue()).isEqualTo("local");
    assertThat(json.path("description").stringValue()).startsWith("L2H0 puts");
    assertThat(json.path("evidence")).hasSize(10);
    assertThat(json.path("correlation").isNull()).isTrue();
    Cli.Ran dry =
        Cli.run(
                words(
                    "describe",
                    "--bos",
                    "--dry-run",
                    "--prompt",
                    "Mind the names.",
                    "--price-in",
                    "2",
                    "--endpoint",
                    "http://127.0.0.1:9/v1",
                    "--endpoint-model",
                    "m"))
            .isDone();
    assertThat(dry.out()).contains("Mind the names.", "\"row\":10");
    assertThat(dry.err()).contains("cost at most", "nothing was sent");
  }

  @Test
  void wrongUsage_isOneLine() {
    Cli.run(words("ranked", "--mode", "x")).failed(2);
    Cli.run(words("ranked", "--match", "x", "--token", "a")).failed(2);
    Cli.run(words("ranked", "--max-length", "5")).failed(2);
    Cli.run(words("ranked", "--max-length", "5000")).failed(2);
    Cli.run(words("ranked", "--stride", "5", "--mode", "compat")).failed(2);
    Cli.run(words("ranked", "--html", folder.resolve("no/a.html") + "")).failed(1);
    Cli.run(words("describe", "--endpoint", "http://127.0.0.1:9/v1")).failed(2);
    Cli.run(words("describe", "--endpoint", "x", "--endpoint-model", "m")).failed(2);
    Cli.run(words("describe", "--samples", "0")).failed(2);
    Cli.run("attention", "heads", "demo-gpt2", "--sort", "x").failed(2);
    Cli.run("attention", "heads", "demo-gpt2", "--ids", "1,2,3").failed(2);
    Cli.run(
            "attention",
            "ranked",
            "demo-gpt2",
            "--layer",
            "0",
            "--head",
            "0",
            "--texts",
            folder.resolve("none.txt") + "")
        .failed(1);
    Cli.run(
            "attention",
            "ranked",
            Cli.fixture("gpt2-tiny"),
            "--layer",
            "0",
            "--head",
            "0",
            "--texts",
            texts)
        .failed(1);
    Cli.run("attention").failed(2);
  }

  @Test
  void describe_endpoint_isAskedAndChecked() throws IOException {
    List<String> keys = Collections.synchronizedList(new ArrayList<>());
    AtomicInteger left = new AtomicInteger(Integer.MAX_VALUE);
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/v1/chat/completions",
        exchange -> {
          keys.add(exchange.getRequestHeaders().getFirst("Authorization"));
          String asked =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          ObjectNode answer = Json.object();
          answer
              .putArray("choices")
              .addObject()
              .putObject("message")
              .put(
                  "content",
                  asked.contains("JSON array of") ? "[9,1,8,2,7,3]" : "Looks \u001b[1mup.");
          byte[] bytes = Json.compact(answer).getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(left.getAndDecrement() > 0 ? 200 : 402, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
    server.start();
    try {
      String[] words =
          words(
              "describe",
              "--bos",
              "--held-out",
              "3",
              "--key-env",
              "MY_KEY",
              "--endpoint",
              "http://127.0.0.1:%d/v1/".formatted(server.getAddress().getPort()),
              "--endpoint-model",
              "m");
      Cli.Ran ran = Cli.runOnTerminal(Map.of("MY_KEY", "k1", "NO_COLOR", "1"), words).isDone();
      assertThat(keys).hasSize(4).containsOnly("Bearer k1");
      assertThat(ran.out())
          .contains("described by m", "Looks \\u{1b}[1mup.", "3 held-out rows: correlation")
          .doesNotContain("k1");
      List<String> more = new ArrayList<>(List.of(words));
      more.add("--json");
      JsonNode json = Cli.run(more.toArray(String[]::new)).isClean().json();
      assertThat(json.path("described_by").stringValue()).isEqualTo("m");
      assertThat(json.path("held_out").intValue()).isEqualTo(3);
      assertThat(json.path("correlation").doubleValue()).isBetween(-1.0, 1.0);
      assertThat(json.path("check_failure").isNull()).isTrue();

      left.set(2); // The description and one row: what was paid for is shown.
      Cli.Ran broken = Cli.run(words);
      assertThat(broken.code()).isEqualTo(1);
      assertThat(broken.out()).contains("described by m", "up.").doesNotContain("correlation");
      assertThat(broken.err().lines().toList().getLast())
          .contains("the check failed, the description stands: ", "got status 402");
      left.set(1);
      Cli.Ran brokenJson = Cli.run(more.toArray(String[]::new));
      assertThat(brokenJson.code()).isEqualTo(1);
      assertThat(brokenJson.json().path("description").stringValue()).endsWith("up.");
      assertThat(brokenJson.json().path("check_failure").stringValue()).contains("status 402");

      left.set(100);
      more.addAll(List.of("--max-texts", "1", "--samples", "500", "--budget", "1000000"));
      more.remove("--json");
      assertThat(Cli.run(more.toArray(String[]::new)).isDone().err())
          .contains("0 of 3 held-out rows: the texts give no more");
    } finally {
      server.stop(0);
    }
  }

  @Test
  void describe_token_looksAtItsRowsAlone() {
    JsonNode all = Cli.run(words("describe", "--bos", "--json")).isDone().json();
    String token = all.path("evidence").get(0).path("query").path("token").stringValue();
    JsonNode some =
        Cli.run(words("describe", "--bos", "--json", "--token", token, "--on", "query"))
            .isDone()
            .json();
    for (JsonNode row : some.path("evidence")) {
      assertThat(row.path("query").path("token").stringValue()).isEqualTo(token);
    }
    assertThat(some.path("samples").longValue()).isBetween(1L, all.path("samples").longValue() - 1);
    Cli.run(words("describe", "--match", "x")).failed(2);
  }

  @Test
  void describe_endpointThatIsNotThere_failsInOneLine() {
    Cli.run(
            words(
                "describe",
                "--bos",
                "--endpoint",
                "http://127.0.0.1:9/v1",
                "--endpoint-model",
                "m",
                "--attempts",
                "1"))
        .failed(1);
  }
}
