package dev.diopter.web;

import dev.diopter.engine.Model;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.OneLine;
import java.io.IOException;
import java.net.BindException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.VirtualThreadPool;
import org.jspecify.annotations.Nullable;

/**
 * Serves the patterns page, a folder of saved patterns and, with a model, live prompts, to the
 * browser on this machine. Only {@code GET} and {@code HEAD} of the page and of data files inside
 * the folder, and {@code POST} of a live prompt, are answered; what is refused gets a JSON object
 * {@code {"error": line}} and one line in the log.
 *
 * <p>Started when made; used by many threads; {@link #close} lets requests that are being answered
 * come to their end for a short while.
 */
public final class PatternServer implements AutoCloseable {
  private static final int HEADER_BYTES = 8 << 10;
  private static final long IDLE_MILLIS = 30_000;
  private static final long GRACE_MILLIS = 2_000;

  private final Server server;
  private final ServerConnector connector;
  private final String host;

  private PatternServer(Server server, ServerConnector connector, String host) {
    this.server = server;
    this.connector = connector;
    this.host = host;
  }

  /**
   * Starts serving.
   *
   * @throws FormatException where the folder is none or the port cannot be had
   */
  public static PatternServer start(ServeOptions options) {
    Model model = options.model();
    return start(options, model == null ? null : () -> model, IDLE_MILLIS);
  }

  /**
   * Starts serving with a model that takes its time to load: it is asked for when folder and port
   * are sure. What the supplier throws is passed on and frees the port.
   *
   * @param options the model in them is not looked at
   * @param model what live prompts run on, which stays the caller's to close
   * @throws FormatException where the folder is none or the port cannot be had
   */
  public static PatternServer start(ServeOptions options, Supplier<Model> model) {
    return start(options, model, IDLE_MILLIS);
  }

  /** With another patience for a client that stops sending. */
  static PatternServer start(
      ServeOptions options, @Nullable Supplier<Model> model, long idleMillis) {
    SavedFiles files = new SavedFiles(realFolder(options.folder(), model != null));
    Server server = new Server(new VirtualThreadPool());
    ServerConnector connector = connector(server, options, idleMillis);
    listen(connector, options);
    LiveModel live;
    try {
      live = model == null ? null : new LiveModel(model.get());
    } catch (RuntimeException | Error e) {
      connector.close();
      throw e;
    }
    Guard guard = new Guard(options.host(), connector.getLocalPort());
    RefusalLog log = new RefusalLog(options.log());
    server.setHandler(new PageHandler(guard, files, live, log));
    server.setErrorHandler(new OneLineErrors(log));
    try {
      server.start();
    } catch (Exception e) {
      connector.close();
      throw new FormatException(
          "cannot serve on %s: %s".formatted(options.host(), OneLine.brief(e.getMessage())), e);
    }
    return new PatternServer(server, connector, options.host());
  }

  /** Live prompts need nothing that is saved. */
  private static Path realFolder(Path folder, boolean live) {
    if (live && !Files.exists(folder)) {
      return folder.toAbsolutePath().normalize();
    }
    SavedFiles.requireFolder(folder);
    try {
      return folder.toRealPath();
    } catch (IOException e) {
      throw FormatException.unreadable(folder.toString(), e);
    }
  }

  private static ServerConnector connector(Server server, ServeOptions options, long idleMillis) {
    HttpConfiguration configuration = new HttpConfiguration();
    configuration.setSendServerVersion(false);
    // The original's page asks for //models.jsonl; the folder's own reading drops empty names.
    configuration.setUriCompliance(
        UriCompliance.DEFAULT.with(
            "doubled slashes", UriCompliance.Violation.AMBIGUOUS_EMPTY_SEGMENT));
    configuration.setRequestHeaderSize(HEADER_BYTES);
    configuration.setIdleTimeout(idleMillis);
    ServerConnector connector =
        new ServerConnector(server, 1, 1, new RememberingConnections(configuration));
    connector.setHost(options.host());
    connector.setPort(options.port());
    connector.setIdleTimeout(idleMillis);
    server.addConnector(connector);
    return connector;
  }

  /** Takes the port before anything is started, for a clear word where somebody else has it. */
  private static void listen(ServerConnector connector, ServeOptions options) {
    try {
      connector.open();
    } catch (IOException | IllegalArgumentException e) {
      boolean taken = e instanceof BindException || e.getCause() instanceof BindException;
      String what =
          options.port() > 0 && taken
              ? "port %d of %s is taken or not allowed: stop what uses it, or choose another with --port (0 for any that is free)"
                  .formatted(options.port(), options.host())
              : "cannot listen on %s, port %d: %s"
                  .formatted(options.host(), options.port(), OneLine.brief(e.getMessage()));
      throw new FormatException(what, e);
    }
  }

  /** The page's address. */
  public URI uri() {
    String name = host.contains(":") ? "[" + host + "]" : host;
    return URI.create("http://" + name + ":" + connector.getLocalPort() + "/");
  }

  /** Waits until the server is closed. */
  public void join() throws InterruptedException {
    server.join();
  }

  /** Stops listening and ends open connections. Again is harmless. */
  @Override
  public void close() {
    server.setStopTimeout(GRACE_MILLIS);
    try {
      server.stop();
    } catch (Exception e) {
      throw new IllegalStateException("the server did not stop: " + e.getMessage(), e);
    }
  }

  /** What is wrong before a request reaches a handler, in the same form as refusals. */
  private static final class OneLineErrors extends ErrorHandler {
    private final RefusalLog log;

    OneLineErrors(RefusalLog log) {
      this.log = log;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      int status = response.getStatus();
      Object reason = request.getAttribute(ERROR_MESSAGE);
      String message = reason == null ? HttpStatus.getMessage(status) : reason.toString();
      Answers.refuse(new Refusal(status, message), request, response, callback, log);
      return true;
    }
  }
}
