package dev.diopter.cli;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.LogProbabilities;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.PromptOptions;
import dev.diopter.engine.RunResult;
import dev.diopter.formats.Json;
import dev.diopter.models.DecoderConfig;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * What the demo found, and how it is shown.
 *
 * @param model which model
 * @param config its sizes
 * @param backend what computed
 * @param tokens its tokens
 * @param ids the prompt
 * @param top what comes next
 * @param lens what each layer would say
 * @param tuned what it would say by the tuned lens
 * @param patching which streams carry the answer
 * @param scope what vectors stand for
 * @param edges where the last token looks
 * @param patterns the whole patterns of the heads of {@code edges}
 * @param heads the heads that do some well-known thing most
 */
record DemoReport(
    String model,
    DecoderConfig config,
    String backend,
    Tokens tokens,
    int[] ids,
    NextTokens.Candidate[] top,
    DemoLens lens,
    DemoTuned tuned,
    DemoPatching patching,
    DemoScope scope,
    AttentionEdges edges,
    List<HeadPattern> patterns,
    KnownHeads heads) {
  /** What the model is shown. */
  static final String PROMPT = "When Mary and John went to the store, John gave a book to";

  private static final int TOP = 5;
  private static final int HEADS = 6;
  private static final int EDGES = 2;

  /**
   * Runs the prompt once with everything read that is shown, and the head of the model on what was
   * read.
   */
  static DemoReport of(Model model) {
    Prompt prompt = model.prompt(PROMPT, PromptOptions.BOS);
    HookPlan plan = HookPlan.reading(DemoLens.hooks(model), AttentionEdges.hooks());
    RunResult run = model.run(prompt, plan);
    AttentionEdges edges = AttentionEdges.of(model, run, HEADS, EDGES);
    return new DemoReport(
        model.name(),
        model.config(),
        model.backend(),
        Tokens.of(model),
        run.ids(),
        NextTokens.top(run.lastLogits(), TOP),
        DemoLens.of(model, prompt, run),
        DemoTuned.of(model, prompt),
        DemoPatching.of(model, prompt, LogProbabilities.top(run.lastLogits(), 1)[0]),
        DemoScope.of(model),
        edges,
        edges.names().stream().map(head -> HeadPattern.of(run, head)).toList(),
        KnownHeads.of(model));
  }

  /** As JSON. */
  ObjectNode object() {
    ObjectNode object = Json.object();
    object.put("model", model);
    object.put("backend", backend);
    object.put("prompt", PROMPT);
    object.set("ids", Tokens.ids(ids));
    tokens.putLabels(object, "tokens", ids);
    NextTokens.put(object, "top", top, tokens);
    lens.put(object, tokens);
    tuned.put(object, tokens);
    patching.put(object, tokens);
    scope.put(object, tokens);
    edges.put(object);
    heads.put(object);
    return object;
  }

  /**
   * As text.
   *
   * @param page where the page with pictures is, or null
   */
  void print(Screen screen, @Nullable Path page) {
    Style style = Style.of(screen);
    screen
        .out()
        .println(
            style.title("Diopter looks into " + model)
                + style.faint(
                    ": %s architecture, %d layers, %d heads, width %d"
                        .formatted(
                            config.architecture(),
                            config.layers(),
                            config.heads(),
                            config.width())));
    screen.out().println(style.faint("  computed by " + backend));
    screen.out().println();
    screen.out().println("  " + style.bold("\u201c" + PROMPT + "\u2026\u201d"));
    heading(screen, "What comes next", "");
    Pages.nextTokens(screen, tokens, top);
    heading(
        screen,
        "What each layer would say",
        "the best next token at each position if the model stopped there, with its probability in"
            + " %");
    lens.print(screen, tokens, ids);
    heading(screen, "How far each layer is from the answer", DemoTuned.EXPLANATION);
    tuned.print(screen);
    heading(
        screen,
        "Where the last token looks",
        "the %d heads that look hardest at one token (layer.head), at most %d attention edges each"
            .formatted(HEADS, EDGES));
    edges.print(screen, tokens, ids);
    HeadPattern pattern = patterns.get(edges.names().indexOf(edges.hardest()));
    heading(
        screen,
        "All that head %s looks at".formatted(pattern.name()),
        "rows are queries, columns keys; the fuller, the more attention");
    pattern.print(screen, tokens, ids);
    heading(
        screen,
        "Which heads do what",
        "the head that does each of these things most, of all heads; on a random sequence of words twice");
    heads.print(screen);
    heading(screen, "What carries the answer", DemoPatching.EXPLANATION);
    patching.print(screen, tokens);
    heading(screen, "What a vector stands for", DemoScope.EXPLANATION);
    scope.print(screen, tokens);
    if (page != null) {
      heading(screen, "With pictures", "");
      screen.out().println("  " + Text.harmless(page.toString()) + ": open it in a browser");
    }
    heading(screen, "What next", "");
    for (String command : next()) {
      screen.out().println("  ./diopter " + command);
    }
  }

  private static void heading(Screen screen, String title, String explanation) {
    Style style = Style.of(screen);
    screen.out().println();
    screen.out().println(style.title(title));
    for (String line : Tables.wrap(explanation, screen.width() - 2)) {
      if (!line.isEmpty()) {
        screen.out().println(style.faint("  " + line));
      }
    }
    screen.out().println();
  }

  private List<String> next() {
    return List.of(
        "run %s --bos \"The capital of France is\"".formatted(model),
        "generate %s --bos \"The capital of France is\"".formatted(model),
        "hooks %s".formatted(model),
        "attention heads %s --sort copying".formatted(model),
        "patterns serve --model %s".formatted(model),
        "lens show %s --lens tuned --bos \"The capital of France is\"".formatted(model),
        "patchscope presets",
        "cache %s --bos \"France\" --hooks '*' --out france.npz".formatted(model),
        "--help");
  }
}
