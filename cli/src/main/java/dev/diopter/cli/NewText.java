package dev.diopter.cli;

import dev.diopter.engine.GenerationListener;
import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.GenerationResult;
import dev.diopter.engine.Model;
import dev.diopter.formats.Json;
import java.util.Arrays;
import tools.jackson.databind.node.ObjectNode;

/** A generation on the screen: its text as it comes, or its JSON object. */
final class NewText {
  private final Model model;
  private final GenerationOptions options;
  private final Screen screen;
  private final OutputOptions output;

  NewText(Model model, GenerationOptions options, Screen screen, OutputOptions output) {
    this.model = model;
    this.options = options;
    this.screen = screen;
    this.output = output;
  }

  /** What generates. */
  @FunctionalInterface
  interface Generation {
    GenerationResult run(GenerationListener listener);
  }

  /** Generates; prints the text as it comes unless there is to be JSON alone. */
  GenerationResult show(Generation generation) {
    long start = System.nanoTime();
    GenerationResult generated = output.json() ? silently(generation) : streaming(generation);
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
    return generated;
  }

  private GenerationResult silently(Generation generation) {
    try (Progress progress = Progress.start(screen, output, "generating")) {
      return generation.run(
          (sequence, step, id) -> progress.update(step + 1L, options.maxNewTokens()));
    }
  }

  private GenerationResult streaming(Generation generation) {
    if (!model.hasTokenizer()) {
      // There is no text; the ids come in the form that --ids reads.
      GenerationResult generated = generation.run(GenerationListener.NONE);
      screen.out().println(TokenIds.join(generated.ids()));
      return generated;
    }
    TextStream stream = new TextStream(model.tokenizer(), screen);
    GenerationResult generated =
        generation.run((sequence, step, id) -> {
          // The end of the text is not a part of it.
          if (options.ignoreEos() || !model.config().eosIds().contains(id)) {
            stream.add(id);
          }
        });
    stream.close();
    return generated;
  }

  /** The result as an object. */
  ObjectNode object(GenerationResult generated) {
    ObjectNode object = Json.object();
    ProcessOption.put(object, model);
    object.set("prompt_ids", Tokens.ids(generated.promptIds()));
    object.set("ids", Tokens.ids(generated.ids()));
    object.put("text", Tokens.of(model).text(withoutEnd(generated)));
    object.put("stopped", generated.stopped().label());
    if (options.temperature() > 0) {
      object.put("seed", options.seed());
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
