package dev.diopter.cli;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.lens.patterns.FigureFunctions;
import dev.diopter.lens.patterns.FigureOptions;
import dev.diopter.lens.patterns.FigureRun;
import dev.diopter.lens.patterns.ModelFolder;
import dev.diopter.lens.patterns.PatternIndex;
import dev.diopter.lens.patterns.RunSummary;
import dev.diopter.lens.pictures.PictureFormat;
import dev.diopter.models.ModelException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter patterns figures}: pictures of stored patterns. */
@picocli.CommandLine.Command(
    name = "figures",
    description =
        "Draw stored attention patterns, one file for each layer, head and figure function. No"
            + " model is loaded. What is there is kept.",
    footer = {"", "Example: diopter patterns figures demo-gpt2 --functions raw,log --format svg"})
final class PatternsFiguresCommand implements Command {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description = "The model as for patterns activations; all stored ones without it.")
  private @Nullable String model;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "Name of the model's folder, where it was given one.")
  private @Nullable String folderName;

  @Option(
      names = "--functions",
      paramLabel = "NAMES",
      description =
          "What draws: all, names with commas between them, or a pattern; raw by default.")
  private String functions = FigureFunctions.DEFAULT;

  @Option(
      names = "--format",
      paramLabel = "FORMATS",
      description = "png, svg, svgz or several; each function's own (png) unless given.")
  private @Nullable String formats;

  @Option(
      names = {"-n", "--n-samples"},
      paramLabel = "N",
      description = "Only the first N prompts of each model.")
  private @Nullable Long most;

  @Option(
      names = {"-f", "--force"},
      description = "Draw again what is there already.")
  private boolean force;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that draw; all cores unless given. Results do not depend on it.")
  private int threads;

  @Mixin private final PatternFolder place = new PatternFolder();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  PatternsFiguresCommand(Screen screen) {
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
    ComputeOptions.requireThreads(threads);
    if (most != null && most < 0) {
      throw new UsageException("--n-samples: expected 0 or more, got " + most);
    }
    FigureOptions options =
        FigureOptions.of(FigureFunctions.select(functions))
            .formats(formats())
            .force(force)
            .most(most)
            .threads(ComputeOptions.orAllCores(threads));
    List<ModelFolder> models = models();
    List<RunSummary> summaries = new ArrayList<>();
    for (ModelFolder folder : models) {
      try (Progress progress = Progress.start(screen, output, "drawing " + folder.name())) {
        summaries.add(new FigureRun(folder, options).run(progress::update));
      }
      summaries.add(PatternIndex.prompts(folder).failuresOnly());
    }
    summaries.add(PatternIndex.models(place.store()).failuresOnly());
    summaries.add(PatternIndex.figures(place.store(), options).failuresOnly());
    RunSummary summary = RunSummary.sum(summaries);
    if (result.wanted(output)) {
      ObjectNode object = Json.object();
      object.put("save_path", place.store().folder().toString());
      ArrayNode names = object.putArray("models");
      models.forEach(folder -> names.add(folder.name()));
      PatternResults.put(object, summary);
      result.deliver(object, screen, output);
    }
    if (!output.json()) {
      screen
          .out()
          .println(
              "%s: %s figures drawn, %s there already, %s failed"
                  .formatted(
                      place.store().folder(),
                      Numbers.grouped(summary.done()),
                      Numbers.grouped(summary.skipped()),
                      Numbers.grouped(summary.failed())));
    }
    PatternResults.end("figures", summary, screen);
  }

  private List<ModelFolder> models() {
    if (model != null || folderName != null) {
      return List.of(place.model(model == null ? "" : model, folderName));
    }
    List<ModelFolder> models = place.store().models();
    if (models.isEmpty()) {
      throw new ModelException(
          "%s: expected stored patterns, found none; run patterns activations first, or give --save-path"
              .formatted(place.store().folder()));
    }
    return models;
  }

  private Set<PictureFormat> formats() {
    Set<PictureFormat> wanted = EnumSet.noneOf(PictureFormat.class);
    if (formats != null) {
      for (String format : formats.split(",", -1)) {
        try {
          wanted.add(PictureFormat.of(format.strip()));
        } catch (IllegalArgumentException e) {
          throw new UsageException("--format: " + e.getMessage());
        }
      }
    }
    return wanted;
  }
}
