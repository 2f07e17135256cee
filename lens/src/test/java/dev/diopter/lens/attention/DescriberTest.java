package dev.diopter.lens.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.sun.net.httpserver.HttpServer;
import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class DescriberTest {
  private static final List<String> TEXTS =
      IntStream.range(0, 12)
          .mapToObj(i ->
              "Anna found a \"white\" coin, number %d, in the market. She put the coin in her bag and went home."
                  .formatted(i))
          .toList();
  private static final AttentionQuery QUERY = AttentionQuery.of(new HeadId(2, 0));

  private record Asked(String path, String key, JsonNode body) {}

  private record Answer(int status, String body) {}

  private final List<Asked> asked = Collections.synchronizedList(new ArrayList<>());
  private final List<Long> pauses = new ArrayList<>();
  private java.util.function.Function<Asked, Answer> answers = a -> answer("words");
  private HttpServer server;
  private Model model;

  @BeforeEach
  void open() throws IOException {
    model = Model.open("demo-gpt2", new ModelOptions("cpu", 1));
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          String key = exchange.getRequestHeaders().getFirst("Authorization");
          Asked one =
              new Asked(
                  exchange.getRequestURI().getPath(),
                  key == null ? "" : key,
                  Json.read("request", exchange.getRequestBody().readAllBytes()));
          asked.add(one);
          Answer answer = answers.apply(one);
          byte[] bytes = answer.body().getBytes(StandardCharsets.UTF_8);
          exchange.getResponseHeaders().add("Retry-After", answer.status() == 429 ? "3" : "x");
          exchange.sendResponseHeaders(answer.status(), bytes.length == 0 ? -1 : bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void close() {
    server.stop(0);
    model.close();
  }

  private static Answer answer(String content) {
    var body = Json.object();
    body.putArray("choices").addObject().putObject("message").put("content", content);
    return new Answer(200, Json.compact(body));
  }

  private ChatEndpoint endpoint(int attempts) {
    return endpoint(attempts, "s3cret");
  }

  private ChatEndpoint endpoint(int attempts, String key) {
    return new ChatEndpoint(
        new ChatEndpoint.Options(
            "http://127.0.0.1:%d/v1".formatted(server.getAddress().getPort()),
            "small",
            key,
            Duration.ofSeconds(20),
            attempts,
            50,
            9),
        pauses::add);
  }

  private AttentionData data() {
    return AttentionData.of(model, Corpus.of(TEXTS));
  }

  private static Describer describer(int samples, int heldOut, long budget) {
    return new Describer(samples, heldOut, 4, "Look at coins.", budget, 50);
  }

  private static String content(Asked one) {
    return one.body().path("messages").path(0).path("content").stringValue();
  }

  @Test
  void preview_sameOptions_givesTheSameEvidenceAndAsksNobody() {
    Description a = describer(6, 3, 9000).preview(data(), QUERY);
    Description b = describer(6, 3, 9000).preview(data().batches(1), QUERY);
    assertThat(a.prompt()).isEqualTo(b.prompt()).contains("Look at coins.", "\\\"white\\\"");
    assertThat(a.prompt()).contains(QUERY.mode().formula());
    assertThat(a.description()).isNull();
    assertThat(asked).isEmpty();
    assertThat(a.evidence()).hasSize(6);
    for (JsonNode row : a.evidence()) {
      double last = Double.POSITIVE_INFINITY;
      for (JsonNode key : row.path("most")) {
        assertThat(key.path("multiple").doubleValue()).isLessThanOrEqualTo(last);
        last = key.path("multiple").doubleValue();
      }
      assertThat(row.path("contrast")).isNotEmpty();
    }
    assertThat(describer(6, 3, 9000).preview(data(), QUERY.mode(ScoreMode.COMPAT)).prompt())
        .contains("grows towards the end of a passage");
  }

  @Test
  void preview_smallBudget_showsFewerRows() {
    Description all = describer(6, 0, 9000).preview(data(), QUERY);
    long budget = Evidence.estimatedTokens(all.prompt()) * 2 / 3;
    Description few = describer(6, 0, budget).preview(data(), QUERY);
    assertThat(few.evidence().size()).isBetween(1, 5);
    assertThat(Evidence.estimatedTokens(few.prompt())).isLessThanOrEqualTo(budget);
    assertThatThrownBy(() -> describer(6, 0, 10).preview(data(), QUERY))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("--budget");
  }

  @Test
  void samples_manyTexts_areFromDifferentOnes() {
    Samples drawn = new Samples(TEXTS.size(), 1);
    data().totals(QUERY, drawn);
    assertThat(drawn.drawn().stream().map(Sample::text).distinct()).hasSize(TEXTS.size());
  }

  @Test
  void local_anyHead_needsNoService() {
    Description local = describer(6, 3, 9000).local(data(), QUERY);
    assertThat(local.description())
        .startsWith("L2H0 puts ")
        .contains("% of its attention on sinks");
    assertThat(local.check()).isNull();
    assertThat(asked).isEmpty();
    Description none =
        describer(6, 3, 9000).local(AttentionData.of(model, Corpus.of(List.of("short"))), QUERY);
    assertThat(none.description()).contains("no row to look at");
  }

  @Test
  void by_modelThatKnows_correlatesWithTheHeldOutRows() {
    // This one rates by what the rows really are, which it finds by the passage.
    AttentionResult all = data().ranked(QUERY, 100_000, false);
    answers =
        one -> {
          String text = content(one);
          if (!text.contains("Answer with a JSON array")) {
            return answer("It looks at coins.");
          }
          JsonNode row =
              Json.read("row", text.lines().filter(l -> l.startsWith("{")).findFirst().orElse(""));
          String passage = row.path("passage").stringValue();
          List<String> ratings = new ArrayList<>();
          for (JsonNode key : row.path("keys")) {
            double multiple =
                all.rows().stream()
                    .filter(e -> model.tokenizer().decode(e.prefix()).equals(passage))
                    .filter(e -> e.key() == key.path("position").intValue())
                    .mapToDouble(Entry::multiple)
                    .findFirst()
                    .orElse(0.3);
            ratings.add(Double.toString(multiple));
          }
          return answer("Sure: " + ratings);
        };
    try (ChatEndpoint chat = endpoint(1)) {
      Description description = describer(6, 4, 9000).by(chat, data(), QUERY);
      assertThat(description.description()).isEqualTo("It looks at coins.");
      SelfCheck check = java.util.Objects.requireNonNull(description.check());
      assertThat(check.asked()).isEqualTo(4);
      assertThat(check.failed()).isZero();
      assertThat(check.correlation()).isGreaterThan(0.9);
      assertThat(check.rankCorrelation()).isGreaterThan(0.5);
    }
    assertThat(asked).hasSize(5);
    Asked first = asked.getFirst();
    assertThat(first.path()).isEqualTo("/v1/chat/completions");
    assertThat(first.key()).isEqualTo("Bearer s3cret");
    assertThat(first.body().path("model").stringValue()).isEqualTo("small");
    assertThat(first.body().path("temperature").intValue()).isZero();
    assertThat(first.body().path("seed").intValue()).isEqualTo(9);
    assertThat(first.body().path("max_tokens").intValue()).isEqualTo(50);
    assertThat(content(asked.get(1))).contains("It looks at coins.").doesNotContain("multiple");
  }

  @Test
  void by_answersThatAreNoRatings_areCountedAndLeftOut() {
    try (ChatEndpoint chat = endpoint(1)) {
      Description description = describer(3, 2, 9000).by(chat, data(), QUERY);
      SelfCheck check = java.util.Objects.requireNonNull(description.check());
      assertThat(check.failed()).isEqualTo(2);
      assertThat(check.correlation()).isNull();
    }
  }

  @Test
  void by_endpointThatFailsInTheCheck_keepsTheDescription() {
    answers = one -> asked.size() < 3 ? answer("[1, 2, 3, 4, 5, 6]") : new Answer(402, "");
    try (ChatEndpoint chat = endpoint(1)) {
      Description description = describer(3, 2, 9000).by(chat, data(), QUERY);
      assertThat(description.description()).isEqualTo("[1, 2, 3, 4, 5, 6]");
      assertThat(description.check()).isNull();
      assertThat(description.checkFailure()).contains("got status 402");
      answers = one -> new Answer(402, "");
      assertThatThrownBy(() -> describer(3, 2, 9000).by(chat, data(), QUERY))
          .isInstanceOf(EndpointException.class);
    }
  }

  @Test
  void by_fewTexts_checksWhatIsLeft() {
    try (ChatEndpoint chat = endpoint(1)) {
      AttentionQuery few = QUERY.sampling(Sampling.DEFAULT.maxTexts(1));
      Description description = describer(500, 2, 90_000).by(chat, data(), few);
      assertThat(java.util.Objects.requireNonNull(description.check()).asked()).isZero();
      assertThat(description.checkFailure()).isNull();
    }
  }

  @Test
  void filter_queryToken_leavesItsRowsAlone() {
    TokenFilter coin = new TokenFilter(TokenFilter.Side.QUERY, TokenFilter.Match.TRIMMED, "the");
    AttentionQuery query = QUERY.filter(coin);
    Description description = describer(6, 3, 9000).preview(data(), query);
    assertThat(description.evidence()).hasSize(6);
    for (JsonNode row : description.evidence()) {
      assertThat(row.path("query").path("token").stringValue().strip()).isEqualTo("the");
    }
    assertThat(description.prompt())
        .contains("Only rows whose query token is \"the\" but for blanks around it are shown.");
    assertThat(description.totals().samples())
        .isLessThan(describer(6, 3, 9000).preview(data(), QUERY).totals().samples());
    assertThat(describer(6, 3, 9000).local(data(), query).description())
        .startsWith("On rows whose query token is \"the\"");
    TokenFilter none = new TokenFilter(TokenFilter.Side.QUERY, TokenFilter.Match.EXACT, "nobody");
    assertThatThrownBy(() -> describer(6, 3, 9000).preview(data(), QUERY.filter(none)))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("found none whose query token is \"nobody\"");
    assertThat(describer(6, 3, 9000).local(data(), QUERY.filter(none)).description())
        .contains("no row whose query token is \"nobody\" to look at");
  }

  @Test
  void filter_keyToken_leavesRowsWithAnEntryOnIt() {
    AttentionResult all = data().ranked(QUERY, 100_000, false);
    String token = model.tokenizer().label(all.rows().getFirst().keyId());
    AttentionQuery query = QUERY.filter(TokenFilter.key(token));
    AttentionResult matching = data().ranked(query, 100_000, false);
    long rows =
        matching.rows().stream()
            .map(e -> List.of(e.text(), e.start(), e.query()))
            .distinct()
            .count();
    assertThat(describer(6, 3, 9000).preview(data(), query).totals().samples())
        .isEqualTo(rows)
        .isBetween(1L, all.samples() - 1);
  }

  @Test
  void complete_modelThatReasons_isAskedAsItWants() {
    answers =
        one -> {
          if (one.body().has("max_tokens")) {
            return new Answer(
                400,
                "{\"error\":{\"message\":\"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.\"}}");
          }
          return one.body().has("temperature") ? new Answer(400, "") : answer("thought");
        };
    try (ChatEndpoint chat = endpoint(1)) {
      assertThat(chat.complete("one")).isEqualTo("thought");
      assertThat(chat.complete("two")).isEqualTo("thought");
      assertThat(asked).hasSize(3); // Asked the first way once.
      assertThat(asked.getLast().body().path("max_completion_tokens").intValue()).isEqualTo(50);
      assertThat(pauses).isEmpty();
    }
    asked.clear();
    answers =
        one ->
            one.body().has("temperature")
                ? new Answer(400, "{\"error\":{\"message\":\"'temperature' does not support 0\"}}")
                : answer("again");
    try (ChatEndpoint chat = endpoint(1)) {
      assertThat(chat.complete("one")).isEqualTo("again");
      answers = one -> new Answer(400, "{\"error\":{\"message\":\"no temperature at all\"}}");
      assertThatThrownBy(() -> chat.complete("two")).hasMessageContaining("no temperature at all");
      assertThat(asked).hasSize(3);
      answers =
          one ->
              new Answer(
                  200,
                  "{\"choices\":[{\"finish_reason\":\"length\",\"message\":{\"content\":\"\"}}]}");
      assertThatThrownBy(() -> chat.complete("two")).hasMessageContaining("--answer-tokens");
    }
    asked.clear();
    answers = one -> new Answer(400, "{\"error\":\"context too long\"}");
    try (ChatEndpoint chat = endpoint(3)) {
      assertThatThrownBy(() -> chat.complete("x")).hasMessageContaining("400: context too long");
      assertThat(asked).hasSize(1);
    }
  }

  @Test
  void pause_manyAttempts_staysTheLongest() {
    assertThat(ChatEndpoint.pause(1)).isEqualTo(500);
    assertThat(ChatEndpoint.pause(2)).isEqualTo(1000);
    for (int attempt = 8; attempt < 200; attempt++) {
      assertThat(ChatEndpoint.pause(attempt)).isEqualTo(60_000);
    }
    assertThat(ChatEndpoint.pause(Integer.MAX_VALUE)).isEqualTo(60_000);
  }

  @Test
  void complete_overload_isTriedAgainWithGrowingPauses() {
    answers =
        one ->
            switch (asked.size()) {
              case 1 -> new Answer(503, "");
              case 2 -> new Answer(429, "{\"error\":{\"message\":\"slow down\"}}");
              case 3 -> new Answer(500, "no json");
              default -> answer("at last");
            };
    try (ChatEndpoint chat = endpoint(4)) {
      assertThat(chat.complete("hello")).isEqualTo("at last");
    }
    assertThat(pauses).containsExactly(500L, 3000L, 2000L);
  }

  @Test
  void complete_failures_areOneLineWithoutTheKey() {
    answers = one -> new Answer(401, "{\"error\":{\"message\":\"bad key s3cret\\nsecond\"}}");
    try (ChatEndpoint chat = endpoint(4)) {
      assertThatThrownBy(() -> chat.complete("hello"))
          .isInstanceOf(EndpointException.class)
          .hasMessageContaining("status 401: bad key [key]; check")
          .hasMessageNotContaining("s3cret")
          .hasMessageNotContaining("second");
      assertThat(asked).hasSize(1);
      answers = one -> new Answer(503, "");
      assertThatThrownBy(() -> chat.complete("hello"))
          .isInstanceOf(EndpointException.class)
          .hasMessageContaining("last of 4 attempts");
      assertThat(asked).hasSize(5);
      answers = one -> new Answer(200, "{\"choices\":[]}");
      assertThatThrownBy(() -> chat.complete("hello"))
          .hasMessageContaining("choices[0].message.content");
      answers = one -> new Answer(200, "<html>");
      assertThatThrownBy(() -> chat.complete("hello")).isInstanceOf(EndpointException.class);
      answers = one -> new Answer(302, "");
      assertThatThrownBy(() -> chat.complete("hello")).hasMessageContaining("status 302");
    }
    for (String bad :
        List.of(
            "localhost:1",
            "ftp://a/v1",
            "http://u:p@h/v1",
            "http://h/v1?k=1",
            "http://h/v1#a",
            "http:// x")) {
      assertThatThrownBy(() ->
              new ChatEndpoint(
                  new ChatEndpoint.Options(bad, "m", null, Duration.ofSeconds(1), 1, 1, 0)))
          .isInstanceOf(UsageException.class);
    }
  }

  @Test
  void key_oddCharacters_areStrippedOrRefusedWithoutQuotingThem() {
    try (ChatEndpoint chat = endpoint(1, " s3cret\r\n")) {
      chat.complete("hello");
    }
    assertThat(asked.getFirst().key()).isEqualTo("Bearer s3cret");
    for (String bad : List.of("s3\r\ncret", "s3\u00e9cret", "s3 cret", "s3\u0000cret")) {
      assertThatThrownBy(() -> endpoint(1, bad))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("expected visible ASCII")
          .hasMessageNotContaining("s3")
          .hasMessageNotContaining("cret");
    }
  }

  @Test
  void complete_stalledBody_endsWithTheTimeout() {
    CountDownLatch over = new CountDownLatch(1);
    server.createContext(
        "/stall/",
        exchange -> {
          exchange.sendResponseHeaders(200, 100);
          exchange.getResponseBody().write('{');
          exchange.getResponseBody().flush();
          try {
            over.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          exchange.close();
        });
    String base = "http://127.0.0.1:%d/stall".formatted(server.getAddress().getPort());
    ChatEndpoint.Options options =
        new ChatEndpoint.Options(base, "m", null, Duration.ofSeconds(1), 1, 1, 0);
    try (ChatEndpoint chat = new ChatEndpoint(options, pauses::add)) {
      assertThatThrownBy(() -> chat.complete("hello"))
          .isInstanceOf(EndpointException.class)
          .hasMessageContaining("nothing whole in 1 s");
    } finally {
      over.countDown();
    }
  }

  @Test
  void complete_endlessAnswer_isRefused() {
    answers = one -> new Answer(200, " ".repeat((4 << 20) + 1));
    try (ChatEndpoint chat = endpoint(1)) {
      assertThatThrownBy(() -> chat.complete("hello"))
          .isInstanceOf(EndpointException.class)
          .hasMessageContaining(String.valueOf(4 << 20));
    }
  }

  @Test
  void correlation_knownPairs_isPearsons() {
    assertThat(SelfCheck.correlation(new double[] {1, 2, 3}, new double[] {2, 4, 6}))
        .isCloseTo(1, within(1e-12));
    assertThat(SelfCheck.correlation(new double[] {1, 2, 3, 4}, new double[] {1, 3, 2, 4}))
        .isCloseTo(0.8, within(1e-12));
    assertThat(SelfCheck.correlation(new double[] {1, 1, 1}, new double[] {2, 4, 6})).isNull();
    assertThat(SelfCheck.correlation(new double[0], new double[0])).isNull();
    assertThat(SelfCheck.ranks(new double[] {5, 1, 5, 9})).containsExactly(1.5, 0, 1.5, 3);
    assertThat(SelfCheck.ratings("[1, 2.5]")).containsExactly(1, 2.5);
    assertThat(SelfCheck.ratings("[\"1\"]")).isEmpty();
    assertThat(SelfCheck.ratings("none")).isEmpty();
    assertThat(SelfCheck.ratings("] [")).isEmpty();
  }
}
