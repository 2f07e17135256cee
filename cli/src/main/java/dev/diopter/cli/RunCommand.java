package dev.diopter.cli;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter run}: what a model expects behind a prompt. */
@picocli.CommandLine.Command(
    name = "run",
    description = "Run a prompt once: the most probable next tokens and the loss.",
    footer = {"", "Example: diopter run demo-gpt2 --bos \"The capital of France is\""})
final class RunCommand implements Command {
  @Mixin private final PromptInput input = new PromptInput();

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "How many tokens to show; 10 unless given.")
  private int top = 10;

  @Mixin private final PlanOption edit = new PlanOption();
  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ProcessOption process = new ProcessOption();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  RunCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    if (top < 1) {
      throw new UsageException("--top: expected 1 or more, got " + top);
    }
    input.validate();
    compute.validate();
    process.wanted();
    result.validate();
    HookPlan plan = edit.readEdits(output);
    try (Model model = process.open(compute, input.model(), screen, output)) {
      Prompt prompt = input.resolve(model, screen, output);
      RunRequest request = RunRequest.of(prompt).plan(plan).withLoss();
      RunResult run = ComputeOptions.run(model, request, screen, output);
      NextTokens.Candidate[] candidates = NextTokens.top(run.lastLogits(), top);
      Tokens tokens = Tokens.of(model);
      if (result.wanted(output)) {
        result.deliver(object(model, run, tokens, candidates), screen, output);
      }
      if (!output.json()) {
        print(model, run, tokens, candidates);
      }
    }
  }

  private static ObjectNode object(
      Model model, RunResult run, Tokens tokens, NextTokens.Candidate[] candidates) {
    ObjectNode object = Json.object();
    ProcessOption.put(object, model);
    object.set("ids", Tokens.ids(run.ids()));
    tokens.putLabels(object, "tokens", run.ids());
    object.put("loss_nats", run.lossNats());
    NextTokens.put(object, "top", candidates, tokens);
    return object;
  }

  private void print(Model model, RunResult run, Tokens tokens, NextTokens.Candidate[] candidates) {
    int length = run.ids().length;
    Pages.title(screen, model.name(), model);
    screen.out().println();
    Pages.tokens(screen, tokens, run.ids());
    screen.out().println(loss(run.lossNats(), length));
    screen.out().println();
    Pages.nextTokens(screen, tokens, candidates);
  }

  private static String loss(@org.jspecify.annotations.Nullable Double nats, int length) {
    return nats == null
        ? "  loss    none: one token has no next one"
        : "  loss    %s nats a token, mean of %d".formatted(Numbers.fixed(nats, 4), length - 1);
  }
}
