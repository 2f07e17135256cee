package dev.diopter.cli;

import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.GenerationResult;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import picocli.CommandLine.Mixin;

/** {@code diopter generate}: text behind a prompt. */
@picocli.CommandLine.Command(
    name = "generate",
    description = "Continue a prompt; greedy unless a temperature is given.",
    footer = {
      "",
      "Example: diopter generate demo-gpt2 --bos \"The capital of France is\" --max-new-tokens 12"
    })
final class GenerateCommand implements Command {
  @Mixin private final PromptInput input = new PromptInput();

  @Mixin private final TokenChoice choice = new TokenChoice();
  @Mixin private final PlanOption edit = new PlanOption();
  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ProcessOption process = new ProcessOption();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  GenerateCommand(Screen screen) {
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
    choice.advise(output);
    HookPlan plan = edit.readEdits(output);
    try (Model model = process.open(compute, input.model(), screen, output)) {
      Prompt prompt = input.resolve(model, screen, output);
      NewText text = new NewText(model, options, screen, output);
      GenerationResult generated =
          text.show(listener -> model.generate(prompt, options, plan, listener));
      if (result.wanted(output)) {
        result.deliver(text.object(generated), screen, output);
      }
    }
  }
}
