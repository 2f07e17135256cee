package dev.diopter.web;

import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** How every answer looks: the headers that all share, JSON, bytes, refusals. */
final class Answers {
  /** The page runs its own scripts and styles and talks to its own server; nothing else. */
  private static final String PAGE_POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
          + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  /** Data that is opened by itself, such as a figure from elsewhere, runs nothing. */
  private static final String DATA_POLICY =
      "default-src 'none'; img-src data:; frame-ancestors 'none'; sandbox";

  private Answers() {}

  /** Headers of the page and its parts. */
  static void pageHeaders(Response response) {
    common(response.getHeaders(), PAGE_POLICY);
  }

  /** Headers of everything else. */
  static void dataHeaders(Response response) {
    common(response.getHeaders(), DATA_POLICY);
  }

  private static void common(HttpFields.Mutable headers, String policy) {
    headers.put("Content-Security-Policy", policy);
    headers.put("X-Content-Type-Options", "nosniff");
    headers.put("Referrer-Policy", "no-referrer");
    headers.put("Cross-Origin-Resource-Policy", "same-origin");
    headers.put("Cross-Origin-Opener-Policy", "same-origin");
    headers.put(HttpHeader.CACHE_CONTROL, "no-cache");
  }

  /** A JSON object. */
  static void json(int status, JsonNode body, Response response, Callback callback) {
    dataHeaders(response);
    response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
    response.setStatus(status);
    bytes(
        Json.compact(body).getBytes(StandardCharsets.UTF_8),
        "application/json",
        response,
        callback);
  }

  /** Bytes in memory; Jetty leaves the body out where only the head was asked for. */
  static void bytes(byte[] body, String type, Response response, Callback callback) {
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, type);
    response.getHeaders().put(HttpHeader.CONTENT_LENGTH, body.length);
    response.write(true, ByteBuffer.wrap(body), callback);
  }

  /**
   * What the asker has is still so. Written as if more came, for of a last piece Jetty says its
   * length, and 0 is not the length of what is not sent again.
   */
  static void notModified(Response response, Callback callback) {
    response.setStatus(HttpStatus.NOT_MODIFIED_304);
    response.write(false, ByteBuffer.allocate(0), callback);
  }

  /** The reason as JSON, and as a line in the log. */
  static void refuse(
      Refusal refusal, Request request, Response response, Callback callback, RefusalLog log) {
    RememberingConnections.Asked asked = RememberingConnections.of(request);
    String line = OneLine.clean(String.valueOf(refusal.getMessage()));
    log.add(refusal.status(), asked.method(), asked.target(), line);
    if (refusal.status() == 405) {
      response.getHeaders().put(HttpHeader.ALLOW, refusal.allowed());
    }
    ObjectNode body = Json.object();
    body.put("error", line);
    json(refusal.status(), body, response, callback);
  }
}
