package dev.diopter.cli;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.PromptOptions;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.models.DecoderConfig;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter demo}: the main job on a bundled model, with no network and no files. */
@picocli.CommandLine.Command(
    name = "demo",
    description =
        "A look inside a bundled model: next tokens, what each layer would say, who attends to"
            + " whom.")
final class DemoCommand implements Command {
  private static final String PROMPT = "When Mary and John went to the store, John gave a book to";
  private static final List<String> MODELS = List.of("demo-gpt2", "demo-llama");
  private static final int TOP = 5;
  private static final int HEADS = 6;
  private static final int EDGES = 2;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description = "demo-gpt2 (default) or demo-llama.")
  private String name = MODELS.getFirst();

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
    if (!MODELS.contains(name)) {
      throw new UsageException(
          "--model: expected one of %s, got '%s'; diopter run takes any model"
              .formatted(String.join(", ", MODELS), name));
    }
    compute.validate();
    result.validate();
    try (Model model = compute.open(name, screen, output)) {
      Prompt prompt = model.prompt(PROMPT, PromptOptions.BOS);
      HookPlan plan = HookPlan.reading(LogitLens.hooks(model), AttentionEdges.hooks());
      long start = System.nanoTime();
      RunResult run = model.run(RunRequest.of(prompt).plan(plan)).getFirst();
      LogitLens lens = LogitLens.of(model, prompt, run);
      AttentionEdges edges = AttentionEdges.of(model, run, HEADS, EDGES);
      output.detail("computed in " + Numbers.duration(System.nanoTime() - start));
      float[] logits = run.lastLogits();
      NextTokens.Candidate[] top = NextTokens.top(logits, 0, logits.length, TOP);
      Tokens tokens = Tokens.of(model);
      if (result.wanted(output)) {
        result.deliver(object(model, run, tokens, top, lens, edges), screen, output);
      }
      if (!output.json()) {
        print(model, run, tokens, top, lens, edges);
      }
    }
  }

  private static ObjectNode object(
      Model model,
      RunResult run,
      Tokens tokens,
      NextTokens.Candidate[] top,
      LogitLens lens,
      AttentionEdges edges) {
    ObjectNode object = Json.object();
    object.put("model", model.name());
    object.put("backend", model.backend());
    object.put("prompt", PROMPT);
    object.set("ids", Tokens.ids(run.ids()));
    tokens.putLabels(object, "tokens", run.ids());
    ArrayNode entries = object.putArray("top");
    for (NextTokens.Candidate candidate : top) {
      ObjectNode entry = entries.addObject();
      tokens.putToken(entry, candidate.id());
      entry.put("logit", candidate.logit());
      entry.put("probability", candidate.probability());
    }
    lens.put(object, tokens);
    edges.put(object);
    return object;
  }

  private void print(
      Model model,
      RunResult run,
      Tokens tokens,
      NextTokens.Candidate[] top,
      LogitLens lens,
      AttentionEdges edges) {
    DecoderConfig config = model.config();
    Style style = Style.of(screen);
    line(
        style.title("Diopter looks into " + model.name())
            + style.faint(
                ": %s architecture, %d layers, %d heads, width %d"
                    .formatted(
                        config.architecture(), config.layers(), config.heads(), config.width())));
    line(style.faint("  computed by " + model.backend()));
    line("");
    line("  " + style.bold("\u201c" + PROMPT + "\u2026\u201d"));
    heading(style, "What comes next", "");
    Pages.nextTokens(screen, tokens, top);
    heading(
        style,
        "What each layer would say",
        "the best next token at each position if the model stopped there, and its probability in"
            + " %");
    lens.print(screen, tokens, run.ids());
    heading(
        style,
        "Where the last token looks",
        "the %d heads that look hardest at one token (layer.head), each with at most %d attention edges"
            .formatted(HEADS, EDGES));
    edges.print(screen, tokens, run.ids());
    heading(style, "What next", "");
    for (String command : next()) {
      line("  ./diopter " + command);
    }
  }

  private void heading(Style style, String title, String explanation) {
    line("");
    line(style.title(title));
    for (String part : Tables.wrap(explanation, screen.width() - 2)) {
      if (!part.isEmpty()) {
        line(style.faint("  " + part));
      }
    }
    line("");
  }

  private List<String> next() {
    return List.of(
        "run %s --bos \"The capital of France is\"".formatted(name),
        "generate %s --bos \"The capital of France is\"".formatted(name),
        "hooks %s".formatted(name),
        "cache %s --bos \"France\" --hooks '*' --out france.npz".formatted(name),
        "doctor");
  }

  private void line(String text) {
    screen.out().println(text);
  }
}
