package dev.diopter.cli;

import dev.diopter.formats.Json;
import dev.diopter.lens.patterns.ModelFolder;
import dev.diopter.lens.patterns.PatternIndex;
import dev.diopter.lens.patterns.PatternStore;
import dev.diopter.lens.patterns.RunSummary;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter patterns index}: the lists that pages start from. */
@picocli.CommandLine.Command(
    name = "index",
    description =
        "Write prompts.jsonl, models.jsonl, figures.jsonl and functions.jsonl anew from what is"
            + " stored; for folders that were copied together or left by a stopped run.")
final class PatternsIndexCommand implements Command {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description =
          "Only this model's prompts.jsonl beside the lists of all; every stored model's without it.")
  private @Nullable String model;

  @Mixin private final PatternFolder place = new PatternFolder();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  PatternsIndexCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    result.validate();
    PatternStore store = place.store();
    List<RunSummary> all = new ArrayList<>();
    long prompts = 0;
    for (ModelFolder folder : place.stored(model)) {
      RunSummary listed = PatternIndex.prompts(folder);
      prompts += listed.done();
      all.add(listed);
    }
    RunSummary models = PatternIndex.models(store);
    RunSummary figures = PatternIndex.figures(store);
    PatternIndex.pageSettings(store);
    all.add(models);
    all.add(figures);
    RunSummary sum = RunSummary.sum(all);
    if (result.wanted(output)) {
      ObjectNode object = Json.object();
      object.put("save_path", store.folder().toString());
      object.put("models", models.done());
      object.put("prompts", prompts);
      object.put("figures", figures.done());
      PatternResults.put(object, sum);
      result.deliver(object, screen, output);
    }
    if (!output.json()) {
      screen
          .out()
          .println(
              "%s: models %s, prompts %s, figures of each pattern %s"
                  .formatted(
                      store.folder(),
                      Numbers.grouped(models.done()),
                      Numbers.grouped(prompts),
                      Numbers.grouped(figures.done())));
    }
    PatternResults.end("rows", sum, screen);
  }
}
