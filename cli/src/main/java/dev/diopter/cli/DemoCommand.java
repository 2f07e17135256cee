package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.models.ModelStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code diopter demo}: the main job on a bundled model, with no network; leaves one page. */
@picocli.CommandLine.Command(
    name = "demo",
    description =
        "A look inside a bundled model: next tokens, what each layer would say, where the last"
            + " token looks, which heads do what; and the same with pictures in one file.")
final class DemoCommand implements Command {
  private static final Path USUAL = Path.of("report.html");

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description = "demo-gpt2 (default) or demo-llama.")
  private String name = ModelStore.BUNDLED.getFirst();

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description =
          "Where the page with pictures goes: report.html unless given, and with --json nowhere.")
  private @Nullable Path report;

  @Option(names = "--no-report", description = "Write no page.")
  private boolean noReport;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  DemoCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    if (!ModelStore.BUNDLED.contains(name)) {
      throw new UsageException(
          "--model: expected one of %s, got '%s'; diopter run takes any model"
              .formatted(String.join(", ", ModelStore.BUNDLED), name));
    }
    compute.validate();
    result.validate();
    if (noReport && report != null) {
      throw new UsageException("expected one of --report and --no-report, got both");
    }
    Path file = noReport || (report == null && output.json()) ? null : file();
    try (Model model = compute.open(name, screen, output)) {
      long start = System.nanoTime();
      DemoReport found = DemoReport.of(model);
      output.detail("computed in " + Numbers.duration(System.nanoTime() - start));
      if (result.wanted(output)) {
        result.deliver(found.object(), screen, output);
      }
      if (file != null) {
        DemoPage.of(found).write(file);
      }
      if (!output.json()) {
        found.print(screen, file);
      }
    }
  }

  /** Where the page goes; a file of somebody else's is never taken unless it is named. */
  private @Nullable Path file() {
    if (report != null) {
      ResultFile.requireWritable(report);
      return report;
    }
    try {
      ResultFile.requireWritable(USUAL);
      if (!Files.exists(USUAL) || Files.readString(USUAL).contains(DemoPage.TITLE)) {
        return USUAL;
      }
      output.note(USUAL + " is there already and is no page of the demo: name another by --report");
    } catch (FormatException e) {
      output.note("no page: " + e.getMessage() + "; name another file by --report");
    } catch (IOException e) {
      output.note(USUAL + " is there already and cannot be read: name another by --report");
    }
    return null;
  }
}
