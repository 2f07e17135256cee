package dev.diopter.lens.attention;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * An endpoint with the chat completions of OpenAI's API, which many servers offer. Temperature 0
 * and a fixed seed are asked for. A model that refuses {@code max_tokens} or the temperature, as
 * those that reason do, is asked by {@code max_completion_tokens} and without a temperature from
 * then on. Overload, server failures and lost connections are tried again after a growing pause, or
 * the pause that the server names; redirects are not followed, so that the key goes nowhere else.
 * For one thread.
 */
public final class ChatEndpoint implements LanguageModel, AutoCloseable {
  private static final Set<Integer> TRY_AGAIN = Set.of(408, 425, 429, 500, 502, 503, 504);
  private static final int BAD_REQUEST = 400;
  private static final int MOST_BYTES = 4 << 20;
  private static final long FIRST_PAUSE_MILLIS = 500;
  private static final long LONGEST_PAUSE_MILLIS = 60_000;

  /** Waits. */
  @FunctionalInterface
  interface Pause {
    void millis(long millis) throws InterruptedException;
  }

  private final URI address;
  private final Options options;
  private final String key;
  private final Pause pause;
  private final HttpClient client;

  /** Whether the model refused the limit's usual name or the temperature. */
  private boolean reasons;

  /**
   * How to talk to the endpoint.
   *
   * @param baseUrl such as {@code http://localhost:8080/v1}
   * @param model the model's name there
   * @param key sent as a bearer token, without the space around it; null for none
   * @param timeout of one attempt, its answer's last byte included
   * @param attempts how often in all, at least 1
   * @param maxTokens most tokens of an answer
   * @param seed asked of the endpoint
   */
  public record Options(
      String baseUrl,
      String model,
      @Nullable String key,
      Duration timeout,
      int attempts,
      int maxTokens,
      long seed) {

    /** Everything but the key. */
    @Override
    public String toString() {
      return "%s at %s".formatted(model, baseUrl);
    }
  }

  /**
   * An endpoint; nothing is sent yet.
   *
   * @throws UsageException where the address is none, or the key cannot stand in a header
   */
  public ChatEndpoint(Options options) {
    this(options, Thread::sleep);
  }

  ChatEndpoint(Options options, Pause pause) {
    this.options = options;
    this.key = key(options.key());
    this.pause = pause;
    this.address = address(options.baseUrl());
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(options.timeout())
            .build();
  }

  /** The key as it is sent, empty for none. No message may quote it, so it is checked here. */
  private static String key(@Nullable String given) {
    String key = given == null ? "" : given.strip();
    if (!key.chars().allMatch(c -> c > ' ' && c < 0x7F)) {
      throw new UsageException(
          "the endpoint's key: expected visible ASCII characters alone, got others among them; check the variable that --key-env names");
    }
    return key;
  }

  private static URI address(String baseUrl) {
    String base = baseUrl.endsWith("/") ? baseUrl.substring(0, baseUrl.length() - 1) : baseUrl;
    try {
      URI uri = URI.create(base.endsWith("/chat/completions") ? base : base + "/chat/completions");
      if (uri.getHost() != null
          && uri.getUserInfo() == null
          && uri.getRawQuery() == null
          && uri.getRawFragment() == null
          && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw new UsageException(
        "--endpoint: expected an address such as http://localhost:8080/v1, without user, query or fragment, got '%s'"
            .formatted(baseUrl));
  }

  @Override
  public String complete(String prompt) {
    for (int attempt = 1; ; attempt++) {
      String problem;
      long wait = pause(attempt);
      try {
        HttpResponse<byte[]> response = send(request(prompt));
        if (!reasons && response.statusCode() == BAD_REQUEST && refusesLimits(response.body())) {
          reasons = true;
          response = send(request(prompt)); // The first one was no attempt: nothing was computed.
        }
        byte[] body = response.body();
        if (response.statusCode() == 200) {
          return answer(body);
        }
        problem = "status %d%s".formatted(response.statusCode(), reason(body));
        if (!TRY_AGAIN.contains(response.statusCode())) {
          throw new EndpointException(
              "%s: expected an answer, got %s; check --endpoint, --endpoint-model and the key"
                  .formatted(address, redacted(problem)));
        }
        wait = Math.max(wait, named(response));
      } catch (IOException e) {
        problem = problem(e);
        if (attempt >= options.attempts()) {
          throw new EndpointException(failed(attempt, problem), e);
        }
      } catch (InterruptedException e) {
        throw interrupted(e);
      }
      if (attempt >= options.attempts()) {
        throw new EndpointException(failed(attempt, problem));
      }
      try {
        pause.millis(wait);
      } catch (InterruptedException e) {
        throw interrupted(e);
      }
    }
  }

  /** Twice as long each time, up to the longest. */
  static long pause(int attempt) {
    int doublings = Math.min(attempt - 1, Long.numberOfLeadingZeros(FIRST_PAUSE_MILLIS) - 1);
    return Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS << doublings);
  }

  /** Whether an answer says that it wants no {@code max_tokens} or no temperature. */
  private static boolean refusesLimits(byte[] body) {
    String message = message(body);
    return message.contains("max_tokens") || message.contains("temperature");
  }

  /**
   * One attempt, whole: the client's own time limit ends with the headers, and a body may stall.
   */
  private HttpResponse<byte[]> send(HttpRequest request) throws IOException, InterruptedException {
    CompletableFuture<HttpResponse<byte[]>> sent =
        client.sendAsync(
            request,
            HttpResponse.BodyHandlers.limiting(
                HttpResponse.BodyHandlers.ofByteArray(), MOST_BYTES));
    try {
      return sent.get(options.timeout().toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new HttpTimeoutException("the answer stalled");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException io) {
        throw io;
      }
      throw new IOException("a broken connection", e);
    } finally {
      sent.cancel(true); // Ends the exchange, where it is not over.
    }
  }

  private EndpointException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new EndpointException(address + ": interrupted while waiting for an answer", e);
  }

  private String failed(int attempts, String problem) {
    return "%s: expected an answer, got %s at the last of %d attempts; is the server there?"
        .formatted(address, redacted(problem), attempts);
  }

  private String problem(IOException e) {
    return switch (e) {
      case HttpTimeoutException _ ->
          "nothing whole in %d s".formatted(options.timeout().toSeconds());
      case ConnectException _ -> "no connection";
      default -> e.getMessage() == null ? "a broken connection" : e.getMessage();
    };
  }

  private String redacted(String text) {
    return key.isEmpty() ? text : text.replace(key, "[key]");
  }

  private HttpRequest request(String prompt) {
    ObjectNode body = Json.object();
    body.put("model", options.model());
    ObjectNode message = body.putArray("messages").addObject();
    message.put("role", "user");
    message.put("content", prompt);
    if (!reasons) {
      body.put("temperature", 0);
    }
    body.put("seed", options.seed());
    body.put(reasons ? "max_completion_tokens" : "max_tokens", options.maxTokens());
    HttpRequest.Builder request =
        HttpRequest.newBuilder(address)
            .timeout(options.timeout())
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(Json.compact(body), StandardCharsets.UTF_8));
    if (!key.isEmpty()) {
      request.header("Authorization", "Bearer " + key);
    }
    return request.build();
  }

  private String answer(byte[] body) {
    try {
      JsonNode choice = Json.read(address.toString(), body).path("choices").path(0);
      JsonNode content = choice.path("message").path("content");
      if (content.isString() && !content.stringValue().isBlank()) {
        return content.stringValue().strip();
      }
      if (choice.path("finish_reason").asString("").equals("length")) {
        throw new EndpointException(
            "%s: expected an answer within %d tokens, got none before they were spent, as by models that reason first; give more --answer-tokens"
                .formatted(address, options.maxTokens()));
      }
    } catch (FormatException e) {
      throw new EndpointException(String.valueOf(e.getMessage()), e);
    }
    throw new EndpointException(
        address
            + ": expected choices[0].message.content in the answer, found none; is this an OpenAI-compatible endpoint?");
  }

  /** What an error says of itself, its first line. */
  private static String reason(byte[] body) {
    String message = message(body);
    return message.isEmpty() ? "" : ": " + message.lines().findFirst().orElse("");
  }

  /** What an error says of itself; empty for nothing. */
  private static String message(byte[] body) {
    try {
      JsonNode error = Json.read("answer", body).path("error");
      return (error.isString() ? error : error.path("message")).asString("");
    } catch (FormatException e) {
      return "";
    }
  }

  /** The pause that the server names, in milliseconds. */
  private static long named(HttpResponse<?> response) {
    String seconds = response.headers().firstValue("Retry-After").orElse("");
    return seconds.matches("\\d{1,4}")
        ? Math.min(LONGEST_PAUSE_MILLIS, 1000 * Long.parseLong(seconds))
        : 0;
  }

  /** Ends its connections. */
  @Override
  public void close() {
    client.shutdownNow();
  }
}
