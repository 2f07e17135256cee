package dev.diopter.cli;

import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.GenerationResult;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensGeneration;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter lens generate}: text as a layer would write it. */
@picocli.CommandLine.Command(
    name = "generate",
    description =
        "Continue a prompt by what a lens reads at one layer; the blocks behind it are not run.",
    footer = {
      "",
      "Example: diopter lens generate demo-gpt2 --layer 5 --bos \"The capital of France is\""
    })
final class LensGenerateCommand implements Command {
  @Mixin private final PromptInput input = new PromptInput();
  @Mixin private final LensOption lens = new LensOption();

  @Option(
      names = "--layer",
      paramLabel = "L",
      required = true,
      description = "The block whose stream the lens reads, from 0.")
  private int layer;

  @Mixin private final TokenChoice choice = new TokenChoice();
  @Mixin private final PlanOption edit = new PlanOption();
  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ProcessOption process = new ProcessOption();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  LensGenerateCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    GenerationOptions options = choice.options();
    input.validate();
    compute.validate();
    process.wanted();
    result.validate();
    lens.read(input.model());
    choice.advise(output);
    HookPlan plan = edit.readEdits(output);
    try (Model model = process.open(compute, input.model(), screen, output)) {
      Lens read = lens.of(model, output);
      if (layer < 0 || layer >= read.layers()) {
        throw new UsageException(
            "--layer: expected 0 to %d, got %d".formatted(read.layers() - 1, layer));
      }
      Prompt prompt = input.resolve(model, screen, output);
      LensGeneration generation = new LensGeneration(model, read, layer);
      NewText text = new NewText(model, options, screen, output);
      GenerationResult generated =
          text.show(
              listener -> generation.generate(List.of(prompt), options, plan, listener).getFirst());
      if (result.wanted(output)) {
        ObjectNode object = text.object(generated);
        object.put("lens", read.kind());
        object.put("site", read.site().label());
        object.put("layer", layer);
        result.deliver(object, screen, output);
      }
    }
  }
}
