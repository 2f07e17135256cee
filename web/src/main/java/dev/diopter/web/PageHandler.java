package dev.diopter.web;

import dev.diopter.formats.OneLine;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** Every request: the page, what it is made of, saved data, live prompts, or a refusal. */
final class PageHandler extends Handler.Abstract {
  private static final String API = "/api/";
  private static final String ASSETS = "/" + PatternsPage.ASSETS + "/";

  private final Guard guard;
  private final SavedFiles files;
  private final @Nullable LiveHandler live;
  private final RefusalLog log;
  private final Map<String, byte[]> assets = PatternsPage.assets();

  PageHandler(Guard guard, SavedFiles files, @Nullable LiveModel model, RefusalLog log) {
    this.guard = guard;
    this.files = files;
    this.live = model == null ? null : new LiveHandler(model);
    this.log = log;
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) {
    try {
      guard.check(request);
      answer(request, response, callback);
    } catch (Refusal e) {
      Answers.refuse(e, request, response, callback, log);
    } catch (IOException e) {
      // Where the answer has begun the browser has left or the file has shrunk: nothing to add.
      if (response.isCommitted()) {
        callback.failed(e);
      } else {
        String line = "cannot be read: " + OneLine.reason(e);
        Answers.refuse(new Refusal(500, line), request, response, callback, log);
      }
    }
    return true;
  }

  private void answer(Request request, Response response, Callback callback) throws IOException {
    String path = request.getHttpURI().getDecodedPath();
    if (path.startsWith(API)) {
      if (live == null) {
        throw new Refusal(
            404, "no model here: start the server with --model NAME for live prompts");
      }
      live.handle(path.substring(API.length()), request, response, callback);
      return;
    }
    if (!HttpMethod.GET.is(request.getMethod()) && !HttpMethod.HEAD.is(request.getMethod())) {
      throw new Refusal(405, "expected GET or HEAD, got " + request.getMethod());
    }
    if (path.equals("/") || path.equals("/" + PatternsPage.INDEX)) {
      byte[] page = PatternsPage.index(live == null ? null : live.model().facts(), files);
      page(page, "text/html;charset=utf-8", request, response, callback);
    } else if (path.startsWith(ASSETS)) {
      String name = path.substring(ASSETS.length());
      byte[] asset = assets.get(name);
      if (asset == null) {
        throw new Refusal(404, path + ": no such part of the page");
      }
      page(asset, type(name), request, response, callback);
    } else {
      FileAnswer.send(files.find(path), request, response, callback);
    }
  }

  private static String type(String name) {
    return switch (name.substring(name.lastIndexOf('.'))) {
      case ".css" -> "text/css;charset=utf-8";
      case ".svg" -> "image/svg+xml";
      default -> "text/javascript;charset=utf-8";
    };
  }

  private static void page(
      byte[] body, String type, Request request, Response response, Callback callback) {
    Answers.pageHeaders(response);
    String tag = "\"" + digest(body) + "\"";
    response.getHeaders().put(HttpHeader.ETAG, tag);
    if (FileAnswer.matches(request.getHeaders().get(HttpHeader.IF_NONE_MATCH), tag)) {
      Answers.notModified(response, callback);
    } else {
      Answers.bytes(body, type, response, callback);
    }
  }

  private static String digest(byte[] body) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(body);
      return HexFormat.of().formatHex(hash, 0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }
}
