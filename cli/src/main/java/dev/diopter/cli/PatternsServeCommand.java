package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.web.PatternServer;
import dev.diopter.web.PatternsPage;
import dev.diopter.web.ServeOptions;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter patterns serve}: the page of saved patterns, and of a live model. */
@picocli.CommandLine.Command(
    name = "serve",
    description = "Show saved patterns, and with --model live prompts, in the browser.",
    footer = {
      "",
      "Example: diopter patterns serve --save-path attn_data --model demo-gpt2",
      "Then open the address that it prints; Ctrl-C ends it."
    })
final class PatternsServeCommand implements Command {
  private static final int MOST_PORT = 65_535;

  @Option(
      names = {"-s", "--save-path"},
      paramLabel = "DIR",
      description = "Folder of saved patterns; attn_data unless given.")
  private Path folder = Path.of("attn_data");

  @Option(
      names = "--port",
      paramLabel = "N",
      description = "Port; 8000 unless given, 0 for any that is free.")
  private int port = 8000;

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      description = "Address to listen on; 127.0.0.1 (this machine only) unless given.")
  private String host = ServeOptions.LOOPBACK;

  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      description = "Model for live prompts; none unless given.")
  private @Nullable String name;

  @Option(
      names = "--export",
      description = "Write the page into the folder instead, for any web server, and end.")
  private boolean export;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  PatternsServeCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    if (port < 0 || port > MOST_PORT) {
      throw new UsageException("--port: expected 0 to %d, got %d".formatted(MOST_PORT, port));
    }
    if (export && name != null) {
      throw new UsageException("--export: static files have no live model; leave --model out");
    }
    compute.validate();
    if (export) {
      export();
      return;
    }
    ServeOptions options =
        new ServeOptions(
            folder, host, port, null, line -> screen.err().println(Text.harmless(line)));
    if (name == null) {
      serve(PatternServer.start(options));
      return;
    }
    String wanted = name;
    try (LateModel model = new LateModel(() -> compute.open(wanted, screen, output))) {
      serve(PatternServer.start(options, model));
    }
  }

  /** Opened once the port is ours, closed when the server is. */
  private static final class LateModel implements Supplier<Model>, AutoCloseable {
    private final Supplier<Model> opener;
    private @Nullable Model model;

    LateModel(Supplier<Model> opener) {
      this.opener = opener;
    }

    @Override
    public Model get() {
      Model opened = opener.get();
      model = opened;
      return opened;
    }

    @Override
    public void close() {
      if (model != null) {
        model.close();
      }
    }
  }

  private void export() {
    int files = PatternsPage.export(folder);
    if (output.json()) {
      ObjectNode object = Json.object();
      object.put("folder", folder.toString());
      object.put("files", files);
      screen.out().println(Json.pretty(object));
    } else {
      screen
          .out()
          .printf(
              "wrote the page (%d files) into %s; serve that folder with any web server (browsers do not run it as a file)%n",
              files, folder);
    }
  }

  private void serve(PatternServer server) {
    try {
      // The signal that ends this program ends a server properly: that is no failure.
      Thread end =
          new Thread(
              () -> {
                server.close();
                screen.out().flush();
                Runtime.getRuntime().halt(Failures.OK);
              },
              "diopter-end");
      Runtime.getRuntime().addShutdownHook(end);
      try {
        announce(server);
        server.join();
      } catch (InterruptedException e) {
        output.detail("interrupted");
      } finally {
        removeHook(end);
      }
    } finally {
      server.close();
    }
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // It is running: that is why we are here.
    }
  }

  private void announce(PatternServer server) {
    if (output.json()) {
      ObjectNode object = Json.object();
      object.put("url", server.uri().toString());
      object.put("folder", folder.toString());
      object.put("model", name);
      screen.out().println(Json.pretty(object));
    } else {
      screen.out().println("serving " + folder + " at " + server.uri());
      screen.out().println(name == null ? "no live model: see --model" : "live model " + name);
      screen.out().println("Ctrl-C ends it");
    }
    screen.finish();
  }
}
