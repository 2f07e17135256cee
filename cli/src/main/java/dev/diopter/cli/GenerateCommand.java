package dev.diopter.cli;

import dev.diopter.engine.GenerationListener;
import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.GenerationResult;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.formats.Json;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

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

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      description = "Most tokens to generate; 40 unless given.")
  private int maxNewTokens = 40;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "Sample at this temperature; 0 (default) is greedy.")
  private double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Sample from the K most probable tokens; 0 (default) is all.")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "Sample from the smallest set with this probability; 1 (default) is all.")
  private double topP = 1;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the sampling; 0 unless given.")
  private @Nullable Long seed;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "X",
      description =
          "Lowers the logits of tokens that occurred by this factor; 1 (default) does nothing.")
  private double repetitionPenalty = 1;

  @Option(names = "--ignore-eos", description = "Go on behind an end-of-text token.")
  private boolean ignoreEos;

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
    GenerationOptions options =
        new GenerationOptions(
            maxNewTokens,
            temperature,
            topK,
            topP,
            repetitionPenalty,
            seed == null ? 0 : seed,
            ignoreEos);
    input.validate();
    compute.validate();
    process.wanted();
    result.validate();
    if (temperature == 0 && (topK != 0 || topP != 1 || seed != null)) {
      output.note("note: --top-k, --top-p and --seed change nothing without --temperature");
    }
    HookPlan plan = edit.readEdits(output);
    try (Model model = process.open(compute, input.model(), screen, output)) {
      Prompt prompt = input.resolve(model, screen, output);
      long start = System.nanoTime();
      GenerationResult generated =
          output.json()
              ? silently(model, prompt, options, plan)
              : streaming(model, prompt, options, plan);
      long nanos = System.nanoTime() - start;
      output.detail(
          "generated %d tokens in %s, %s tokens a second"
              .formatted(
                  generated.ids().length,
                  Numbers.duration(nanos),
                  Numbers.fixed(generated.ids().length * 1e9 / nanos, 1)));
      output.detail("stopped: " + generated.stopped().label());
      if (generated.stopped() == GenerationResult.Stop.CONTEXT) {
        output.note(
            "note: stopped at the end of the model's context of %d tokens"
                .formatted(model.config().contextLength()));
      }
      if (result.wanted(output)) {
        result.deliver(object(model, generated), screen, output);
      }
    }
  }

  private GenerationResult silently(
      Model model, Prompt prompt, GenerationOptions options, HookPlan plan) {
    try (Progress progress = Progress.start(screen, output, "generating")) {
      return model.generate(
          prompt,
          options,
          plan,
          (sequence, step, id) -> progress.update(step + 1L, options.maxNewTokens()));
    }
  }

  private GenerationResult streaming(
      Model model, Prompt prompt, GenerationOptions options, HookPlan plan) {
    if (!model.hasTokenizer()) {
      // There is no text; the ids come in the form that --ids reads.
      GenerationResult generated = model.generate(prompt, options, plan, GenerationListener.NONE);
      screen.out().println(TokenIds.join(generated.ids()));
      return generated;
    }
    TextStream stream = new TextStream(model.tokenizer(), screen);
    GenerationResult generated =
        model.generate(
            prompt,
            options,
            plan,
            (sequence, step, id) -> {
              // The end of the text is not a part of it.
              if (ignoreEos || !model.config().eosIds().contains(id)) {
                stream.add(id);
              }
            });
    stream.close();
    return generated;
  }

  private ObjectNode object(Model model, GenerationResult generated) {
    ObjectNode object = Json.object();
    ProcessOption.put(object, model);
    object.set("prompt_ids", Tokens.ids(generated.promptIds()));
    object.set("ids", Tokens.ids(generated.ids()));
    object.put("text", Tokens.of(model).text(withoutEnd(generated)));
    object.put("stopped", generated.stopped().label());
    if (temperature > 0) {
      object.put("seed", seed == null ? 0 : seed);
    }
    return object;
  }

  private static int[] withoutEnd(GenerationResult generated) {
    int[] ids = generated.ids();
    return generated.stopped() == GenerationResult.Stop.EOS
        ? Arrays.copyOf(ids, ids.length - 1)
        : ids;
  }
}
