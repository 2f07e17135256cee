package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.models.ModelStore;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code diopter demo}: the main job on a bundled model, with no network and no files. */
@picocli.CommandLine.Command(
    name = "demo",
    description =
        "A look inside a bundled model: next tokens, what each layer would say, where the last"
            + " token looks.")
final class DemoCommand implements Command {
  @Option(
      names = "--model",
      paramLabel = "NAME",
      description = "demo-gpt2 (default) or demo-llama.")
  private String name = ModelStore.BUNDLED.getFirst();

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
    try (Model model = compute.open(name, screen, output)) {
      long start = System.nanoTime();
      DemoReport report = DemoReport.of(model);
      output.detail("computed in " + Numbers.duration(System.nanoTime() - start));
      if (result.wanted(output)) {
        result.deliver(report.object(), screen, output);
      }
      if (!output.json()) {
        report.print(screen);
      }
    }
  }
}
