package dev.diopter.web;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import tools.jackson.databind.JsonNode;

/**
 * The live part: {@code POST run} with {@code {text, bos, ablate: [[layer, head]]}} gives tokens
 * and next tokens; {@code GET patterns/RUN/LAYER} gives that run's patterns of a layer as float32,
 * little-endian, [head, query, key].
 */
final class LiveHandler {
  /** Most bytes of a request. */
  static final int MOST_BYTES = 64 << 10;

  private static final int MOST_ABLATIONS = 4096;

  private final LiveModel model;

  LiveHandler(LiveModel model) {
    this.model = model;
  }

  LiveModel model() {
    return model;
  }

  void handle(String what, Request request, Response response, Callback callback)
      throws IOException {
    boolean run = what.equals("run");
    String method = request.getMethod();
    if (!run && !what.startsWith("patterns/")) {
      throw new Refusal(404, "expected api/run or api/patterns, got api/" + what);
    }
    if (!method.equals(run ? "POST" : "GET")) {
      throw Refusal.method(run ? "POST" : "GET", method);
    }
    if (run) {
      Answers.json(200, model.run(ask(body(request))), response, callback);
    } else {
      patterns(what.substring("patterns/".length()), response, callback);
    }
  }

  private void patterns(String what, Response response, Callback callback) {
    if (!what.matches("[0-9]{1,9}/[0-9]{1,6}")) {
      throw new Refusal(404, "expected api/patterns/RUN/LAYER, got api/patterns/" + what);
    }
    int slash = what.indexOf('/');
    byte[] values =
        model.patterns(
            Integer.parseInt(what.substring(0, slash)),
            Integer.parseInt(what.substring(slash + 1)));
    Answers.dataHeaders(response);
    response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
    Answers.bytes(values, "application/octet-stream", response, callback);
  }

  /** The body, of a type that no other site's form can send, and no longer than it may be. */
  private static byte[] body(Request request) throws IOException {
    String type = request.getHeaders().get(HttpHeader.CONTENT_TYPE);
    if (type == null || !type.split(";", 2)[0].strip().equalsIgnoreCase("application/json")) {
      throw new Refusal(415, "expected application/json, got " + type);
    }
    if (request.getLength() > MOST_BYTES) {
      throw tooLong();
    }
    try (InputStream in = Content.Source.asInputStream(request)) {
      byte[] body = in.readNBytes(MOST_BYTES + 1);
      if (body.length > MOST_BYTES) {
        throw tooLong();
      }
      return body;
    } catch (IOException e) {
      if (isTimeout(e)) {
        throw new Refusal(408, "expected the whole request, got no more of it for too long");
      }
      throw e;
    }
  }

  private static boolean isTimeout(Throwable e) {
    for (Throwable at = e; at != null; at = at.getCause()) {
      if (at instanceof TimeoutException) {
        return true;
      }
    }
    return false;
  }

  private static Refusal tooLong() {
    return new Refusal(413, "expected at most %d bytes, got more".formatted(MOST_BYTES));
  }

  private static LiveModel.Ask ask(byte[] body) {
    JsonNode json;
    try {
      json = Json.read("the request", body);
    } catch (FormatException e) {
      throw new Refusal(400, String.valueOf(e.getMessage()));
    }
    if (!json.isObject() || !json.path("text").isString()) {
      throw new Refusal(400, "expected an object with the string 'text', got " + Json.brief(json));
    }
    String text = json.path("text").stringValue();
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw new Refusal(
          400,
          "text: expected a text of whole characters, found half a surrogate pair in %s; write the text again"
              .formatted(OneLine.quoted(text)));
    }
    JsonNode bos = json.path("bos");
    if (!bos.isMissingNode() && !bos.isBoolean()) {
      throw new Refusal(400, "bos: expected true or false, got " + Json.brief(bos));
    }
    JsonNode ablate = json.path("ablate");
    if (!ablate.isMissingNode() && !ablate.isArray()) {
      throw new Refusal(
          400, "ablate: expected a list of pairs [layer, head], got " + Json.brief(ablate));
    }
    LinkedHashSet<LiveModel.Head> heads = new LinkedHashSet<>();
    if (ablate.size() > MOST_ABLATIONS) {
      throw new Refusal(400, "expected at most %d heads to ablate".formatted(MOST_ABLATIONS));
    }
    for (JsonNode pair : ablate) {
      if (!pair.isArray() || pair.size() != 2 || !pair.path(0).isInt() || !pair.path(1).isInt()) {
        throw new Refusal(400, "ablate: expected pairs [layer, head], got " + Json.brief(pair));
      }
      heads.add(new LiveModel.Head(pair.path(0).intValue(), pair.path(1).intValue()));
    }
    List<LiveModel.Head> list = new ArrayList<>(heads);
    return new LiveModel.Ask(text, bos.asBoolean(false), list);
  }
}
