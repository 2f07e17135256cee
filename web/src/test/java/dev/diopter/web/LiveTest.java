package dev.diopter.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.LogProbabilities;
import dev.diopter.engine.Model;
import dev.diopter.engine.PromptOptions;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.formats.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Live prompts over the wire, against the engine called directly. */
class LiveTest {
  private static final String TEXT = "The capital of France is";

  @TempDir static Path folder;
  private static final List<String> LOG = new CopyOnWriteArrayList<>();
  private static Model model;
  private static PatternServer server;

  @BeforeAll
  static void start() {
    model = Model.open("demo-gpt2");
    server = PatternServer.start(new ServeOptions(folder, "127.0.0.1", 0, model, LOG::add));
  }

  @AfterAll
  static void stop() {
    server.close();
    model.close();
  }

  @Test
  void run_prompt_givesTheEnginesNumbers() throws IOException {
    JsonNode answer = run("{\"text\": \"" + TEXT + "\", \"bos\": true}");
    RunResult expected =
        model.run(
            model.prompt(TEXT, PromptOptions.BOS), HookPlan.reading("blocks.*.attn.hook_pattern"));
    int best = LogProbabilities.top(expected.lastLogits(), 1)[0];
    JsonNode top = answer.path("top").path(0);
    assertThat(top.path("id").intValue()).isEqualTo(best);
    assertThat(top.path("rank").intValue()).isEqualTo(1);
    assertThat(top.path("probability").doubleValue())
        .isEqualTo(LogProbabilities.probabilities(expected.lastLogits())[best]);
    assertThat(answer.path("n_tokens").intValue()).isEqualTo(expected.ids().length);
    byte[] layer = get("/api/patterns/" + answer.path("run") + "/3").body();
    float[] values = new float[layer.length / 4];
    ByteBuffer.wrap(layer).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    assertThat(values).isEqualTo(expected.activation("blocks.3.attn.hook_pattern").values());
  }

  @Test
  void run_withoutAHead_movesTheNextTokens() throws IOException {
    JsonNode answer =
        run("{\"text\": \"" + TEXT + "\", \"bos\": true, \"ablate\": [[3, 1], [4, 2]]}");
    HookPlan plan =
        HookPlan.builder()
            .zero("blocks.3.attn.hook_z", Selection.ALL.heads(1))
            .zero("blocks.4.attn.hook_z", Selection.ALL.heads(2))
            .build();
    float[] logits = model.run(model.prompt(TEXT, PromptOptions.BOS), plan).lastLogits();
    float[] clean = model.run(model.prompt(TEXT, PromptOptions.BOS)).lastLogits();
    for (JsonNode one : answer.path("top")) {
      int id = one.path("id").intValue();
      assertThat(one.path("logit").floatValue()).isEqualTo(logits[id]);
      assertThat(one.path("clean_logit").floatValue()).isEqualTo(clean[id]);
    }
    assertThat(logits).isNotEqualTo(clean);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{} | 400 | text",
        "[] | 400 | text",
        "nonsense | 400 | JSON",
        "{\"text\": 1} | 400 | text",
        "{\"text\": \"a\", \"ablate\": [[99, 0]]} | 400 | layers 0 to 5",
        "{\"text\": \"a\", \"ablate\": [[0]]} | 400 | pairs",
        "{\"text\": \"\"} | 400 | empty",
        "{\"text\": \"a \\uD83D b\"} | 400 | half a surrogate pair",
        "{\"text\": \"\\uDE00\"} | 400 | half a surrogate pair"
      })
  void run_wrongRequest_saysWhy(String body, int status, String reason) throws IOException {
    Answer answer = post(body, "application/json");
    assertThat(answer.status()).isEqualTo(status);
    assertThat(Json.read("answer", answer.body()).path("error").stringValue()).contains(reason);
  }

  @Test
  void run_promptOverTheContext_saysWhy() throws IOException {
    Answer answer = post("{\"text\": \"" + "a b ".repeat(400) + "\"}", "application/json");
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.text()).contains("256");
  }

  /** Of so many tokens the patterns need more than the heap has; that is not what is wrong. */
  @Test
  void run_promptFarOverTheContext_saysTheContext() throws IOException {
    Answer answer =
        post("{\"text\": \"" + "a ".repeat(9000) + "\", \"bos\": true}", "application/json");
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.text())
        .contains("tokens, the model's context 256: shorten the prompt")
        .doesNotContain("heap");
  }

  @Test
  void run_bodyThatStalls_isATimeout() throws IOException {
    List<String> log = new CopyOnWriteArrayList<>();
    ServeOptions options = new ServeOptions(folder, "127.0.0.1", 0, null, log::add);
    try (PatternServer hasty = PatternServer.start(options, () -> model, 100)) {
      String head =
          "POST /api/run HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
              .formatted(hasty.uri().getPort());
      Answer answer =
          Answer.of(hasty.uri().getPort(), head, "{\"text\": ".getBytes(StandardCharsets.UTF_8));
      assertThat(answer.status()).isEqualTo(408);
      assertThat(answer.text()).contains("expected the whole request");
    }
    assertThat(log).singleElement().asString().startsWith("refused 408 POST /api/run: ");
  }

  @Test
  void run_oversizedBody_isRefusedByLengthAndByCount() throws IOException {
    String body = "{\"text\": \"" + "a".repeat(LiveHandler.MOST_BYTES) + "\"}";
    assertThat(post(body, "application/json").status()).isEqualTo(413);
    String chunked =
        "POST /api/run HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            .formatted(port());
    String chunks = Integer.toHexString(body.length()) + "\r\n" + body + "\r\n0\r\n\r\n";
    assertThat(Answer.of(port(), chunked, chunks.getBytes(StandardCharsets.UTF_8)).status())
        .isEqualTo(413);
    assertThat(LOG).anyMatch(line -> line.startsWith("refused 413 POST /api/run"));
  }

  @Test
  void run_formOfAnotherSite_isRefused() throws IOException {
    assertThat(post("{\"text\": \"a\"}", "text/plain").status()).isEqualTo(415);
    assertThat(get("/api/run").status()).isEqualTo(405);
    assertThat(get("/api/run").header("allow")).isEqualTo("POST");
    assertThat(get("/api/other").status()).isEqualTo(404);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"bos\": \"yes\"",
        "\"bos\": 1",
        "\"bos\": null",
        "\"ablate\": \"all\"",
        "\"ablate\": {\"a\": [0, 0]}",
        "\"ablate\": 3",
        "\"ablate\": [{\"0\": 0, \"1\": 0}]"
      })
  void run_fieldsOfOtherTypes_areRefused(String field) throws IOException {
    Answer answer = post("{\"text\": \"a\", " + field + "}", "application/json");
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.text()).contains(field.split("\"", -1)[1] + ": expected");
  }

  @Test
  void patterns_unknownRun_isRefused() throws IOException {
    assertThat(get("/api/patterns/999999/0").status()).isEqualTo(404);
    assertThat(get("/api/patterns/x/0").status()).isEqualTo(404);
    assertThat(get("/api/patterns/99999999999999/0").status()).isEqualTo(404);
  }

  @Test
  void patterns_layerThatIsNone_saysTheRange() throws IOException {
    int run = run("{\"text\": \"" + TEXT + "\"}").path("run").intValue();
    for (int layer : new int[] {6, 99}) {
      Answer answer = get("/api/patterns/" + run + "/" + layer);
      assertThat(answer.status()).isEqualTo(404);
      assertThat(answer.text()).contains("expected layers 0 to 5, got " + layer);
    }
  }

  private static int port() {
    return server.uri().getPort();
  }

  private static JsonNode run(String body) throws IOException {
    Answer answer = post(body, "application/json");
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    return Json.read("answer", answer.body());
  }

  private static Answer post(String body, String type) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    String head =
        "POST /api/run HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            .formatted(port(), type, bytes.length);
    return Answer.of(port(), head, bytes);
  }

  private static Answer get(String path) throws IOException {
    String head =
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
            .formatted(path, port());
    return Answer.of(port(), head, new byte[0]);
  }
}
