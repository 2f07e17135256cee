package dev.diopter.cli;

import dev.diopter.formats.Json;
import dev.diopter.lens.patterns.ModelFolder;
import dev.diopter.lens.patterns.PatternIndex;
import dev.diopter.lens.patterns.PatternStore;
import dev.diopter.lens.patterns.RunSummary;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Mixin;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter patterns index}: the lists that pages start from. */
@picocli.CommandLine.Command(
    name = "index",
    description =
        "Write prompts.jsonl, models.jsonl, figures.jsonl and functions.jsonl anew from what is"
            + " stored; for folders that were copied together or left by a stopped run.")
final class PatternsIndexCommand implements Command {
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
    for (ModelFolder folder : store.models()) {
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
              "%s: %s models, %s prompts, %s figures of each pattern"
                  .formatted(
                      store.folder(),
                      Numbers.grouped(models.done()),
                      Numbers.grouped(prompts),
                      Numbers.grouped(figures.done())));
    }
    PatternResults.end("rows", sum, screen);
  }
}
