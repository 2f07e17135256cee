package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.lens.patchscope.Cell;
import dev.diopter.lens.patchscope.CellFiles;
import dev.diopter.lens.patchscope.CellJson;
import dev.diopter.lens.patchscope.CellLayout;
import dev.diopter.lens.patchscope.CellLog;
import dev.diopter.lens.patchscope.Counters;
import dev.diopter.lens.patchscope.Estimate;
import dev.diopter.lens.patchscope.PatchRun;
import dev.diopter.lens.patchscope.Patchscope;
import dev.diopter.lens.patchscope.ScopeFigure;
import dev.diopter.lens.plotting.Figure;
import dev.diopter.lens.plotting.LineFigure;
import dev.diopter.models.DecoderConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter patchscope over}: many patches at once. */
@picocli.CommandLine.Command(
    name = "over",
    description = "A sweep of patches over layers, positions or heads, all advanced together.",
    footer = {
      "",
      "Example: diopter patchscope over demo-llama --bos --source \"The capital of Japan is\""
          + " --source-position -1 --target \"cat is cat; red is red; Rome is\""
          + " --target-position -1 --source-layers 0-5 --target-layers 0-5"
    })
final class PatchscopeOverCommand implements Command {
  @Mixin private final ScopeOptions options = new ScopeOptions();
  @Mixin private final ScopeAxes axes = new ScopeAxes();

  @Option(
      names = "--all-steps",
      description = "Keep the logits behind every new token, not of the prompt alone.")
  private boolean allSteps;

  @Option(
      names = "--estimate",
      description = "Say what it will cost, in work, memory and time; do nothing else.")
  private boolean estimate;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = ".npz: logits; .json: the object; .csv: a line for each cell.")
  private @Nullable Path out;

  @Option(
      names = "--cells",
      paramLabel = "F.jsonl",
      description = "A line for each cell as it comes; a run that was cut off is continued.")
  private @Nullable Path cellFile;

  @Option(
      names = "--figure",
      paramLabel = "FILE",
      description =
          "A heatmap: " + Figure.SUFFIXES + ". With --prompts lines: " + LineFigure.SUFFIXES + ".")
  private @Nullable Path figure;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  PatchscopeOverCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  private void validate() {
    axes.validate(options);
    options.validate(!axes.hasPrompts(), !axes.hasOwnTarget());
    if (axes.hasPrompts() && options.source().hasInput()) {
      throw new UsageException("--prompts: expected no source beside it");
    }
    compute.validate();
    if (out != null) {
      if (!has(out, ".npz") && !has(out, ".json") && !has(out, ".csv")) {
        throw new UsageException("--out: expected a .npz, .json or .csv file, got " + out);
      }
      ResultFile.requireWritable(out);
    }
    if (cellFile != null) {
      ResultFile.requireWritable(cellFile);
      if (out != null || figure != null) {
        throw new UsageException("expected --cells alone, or --out and --figure, got both");
      }
      if (axes.hasControls()) {
        throw new UsageException("--control: expected no --cells with it, which has one sweep");
      }
    }
    if (allSteps && out != null && has(out, ".csv")) {
      throw new UsageException(
          "--all-steps: expected a .npz or .json file, or --cells, got " + out);
    }
    if (figure != null) {
      if (axes.hasPrompts()) {
        LineFigure.requireSuffix(figure);
      } else {
        Figure.requireSuffix(figure);
      }
      ResultFile.requireWritable(figure);
    }
  }

  private static boolean has(Path file, String suffix) {
    return file.toString().endsWith(suffix);
  }

  @Override
  public void run() {
    validate();
    try (ScopeModels models =
        ScopeModels.open(options.model(), options.targetModel(), compute, screen, output)) {
      Patchscope scope = axes.scope(options, models, allSteps, !allSteps && toNpz());
      scope.requireChange();
      options.advise(models.from(), scope.patches().getFirst().source().input().prompt(), output);
      if (estimate) {
        showEstimate(models, estimate(scope));
      } else if (cellFile == null) {
        sweep(models, scope);
      } else {
        log(scope, cellFile);
      }
    }
  }

  private boolean toNpz() {
    return out != null && has(out, ".npz");
  }

  /** The sweep's with that of its controls. */
  private Estimate estimate(Patchscope scope) {
    Estimate sum = scope.estimate();
    for (ScopeAxes.Control control : axes.controls(scope)) {
      DecoderConfig config = control.scope().patches().getFirst().source().model().config();
      sum = sum.plus(control.scope().estimate()).plus(config, control.pass());
    }
    if (cellFile != null) {
      return sum.holding(0); // Cells are written as they come.
    }
    return toNpz() ? sum.holding(2 * sum.heldBytes()) : sum; // The array is made of them.
  }

  private void showEstimate(ScopeModels models, Estimate costs) {
    double seconds = costs.seconds(models.to());
    if (output.json()) {
      ObjectNode object = header(models);
      ScopeText.estimate(object, costs, seconds);
      ResultFile.print(object, screen);
    } else {
      ScopeText.print(screen, costs, seconds);
    }
  }

  private List<Cell> cells(PatchRun run, String what) {
    List<Cell> cells = new ArrayList<>();
    try (Progress progress = Progress.start(screen, output, what)) {
      while (run.hasNext()) {
        cells.add(run.next());
        progress.update(cells.size(), run.size());
      }
    }
    return cells;
  }

  private void sweep(ScopeModels models, Patchscope scope) {
    List<ScopeAxes.Control> controls = axes.controls(scope);
    PatchRun run = scope.start();
    List<Cell> cells = cells(run, "patching");
    Counters counters = run.counters();
    List<ScopeFigure.Panel> panels = new ArrayList<>();
    panels.add(new ScopeFigure.Panel("patched", cells));
    for (ScopeAxes.Control control : controls) {
      PatchRun other = control.scope().start();
      List<Cell> beside = new ArrayList<>();
      for (Cell cell : cells(other, control.name())) {
        beside.add(cell.under(cells.get(cell.index()).route()));
      }
      panels.add(new ScopeFigure.Panel(control.name(), beside));
      counters = counters.plus(control.pass().tokenLayers(), control.pass().unembeddings());
      counters = counters.plus(other.counters().tokenLayers(), other.counters().unembeddings());
    }
    ScopeAverages averages = axes.hasPrompts() ? averages(panels) : null;
    int columns = CellLayout.of(cells).columns();
    if (output.json() || (out != null && has(out, ".json"))) {
      ObjectNode object = object(models, panels, counters);
      if (averages != null) {
        averages.put(object);
      }
      if (output.json()) {
        ResultFile.print(object, screen);
      }
      if (out != null && has(out, ".json")) {
        Json.write(object, out, true);
      }
    }
    if (out != null && toNpz()) {
      CellFiles.npz(out, axes.name(), panels, axes.isGrid() ? columns : 0, allSteps);
    } else if (out != null && has(out, ".csv")) {
      CellFiles.csv(out, panels, axes.sourceCount());
    }
    if (figure != null) {
      if (averages == null) {
        ScopeFigure.of(axes.title(cells.getFirst()), panels, columns).write(figure);
      } else {
        averages.figure().write(figure);
      }
      output.note("wrote " + figure);
    }
    if (out != null) {
      output.note("wrote " + out);
    }
    if (!output.json()) {
      if (averages != null) {
        averages.print(screen);
        cost(counters);
      } else {
        print(models.to(), panels, columns, counters);
      }
    }
  }

  private ScopeAverages averages(List<ScopeFigure.Panel> panels) {
    List<Cell> cells = panels.getFirst().cells();
    int sources = axes.sourceCount();
    return ScopeAverages.of(ScopeAxes.title(cells.getFirst(), sources), panels, sources);
  }

  private void print(Model model, List<ScopeFigure.Panel> panels, int columns, Counters counters) {
    Tokens tokens = Tokens.of(model);
    for (ScopeFigure.Panel panel : panels) {
      ScopeText.print(screen, panel.name(), panel.cells(), tokens, columns);
      screen.out().println();
    }
    cost(counters);
  }

  private void cost(Counters counters) {
    Pages.fact(
        screen,
        "cost",
        "%s token-layers, %s unembeddings%s"
            .formatted(
                Numbers.grouped(counters.tokenLayers()),
                Numbers.grouped(counters.unembeddings()),
                axes.hasControls() ? ", controls included" : ""));
  }

  private void log(Patchscope scope, Path file) {
    var _ = scope.estimate(); // What cannot run does not touch the file.
    try (CellLog log = CellLog.open(file, scope, axes.hasPrompts() ? axes.sourceCount() : 0)) {
      PatchRun run = scope.start(log.cells());
      int done = log.cells();
      if (done > 0) {
        output.note("%s: going on behind %d cells".formatted(file, done));
      }
      try (Progress progress = Progress.start(screen, output, "patching")) {
        while (run.hasNext()) {
          log.add(run.next());
          progress.update(++done, run.size());
        }
      }
      if (output.json()) {
        ObjectNode object = Json.object();
        object.put("cell_file", file.toString());
        object.put("cell_count", done);
        ScopeText.counters(object, run.counters());
        ResultFile.print(object, screen);
      } else {
        Pages.fact(screen, "cells", Numbers.grouped(done) + " in " + file);
      }
    }
  }

  private static ObjectNode header(ScopeModels models) {
    ObjectNode object = Json.object();
    object.put("model", models.from().name());
    object.put("target_model", models.to().name());
    object.put("backend", models.to().backend());
    return object;
  }

  private ObjectNode object(ScopeModels models, List<ScopeFigure.Panel> panels, Counters counters) {
    ObjectNode object = header(models);
    List<Cell> cells = panels.getFirst().cells();
    object.set("source_ids", Tokens.ids(cells.getFirst().patch().source().input().prompt().ids()));
    object.set("target_ids", Tokens.ids(cells.getFirst().patch().target().input().prompt().ids()));
    ArrayNode all = object.putArray("cells");
    cells.forEach(c -> all.add(cell(c, cells.size())));
    ObjectNode controls = object.putObject("controls");
    panels
        .subList(1, panels.size())
        .forEach(panel -> {
          ArrayNode own = controls.putArray(panel.name());
          panel.cells().forEach(c -> own.add(cell(c, cells.size())));
        });
    ScopeText.counters(object, counters);
    return object;
  }

  private ObjectNode cell(Cell cell, int cells) {
    int each = cells / axes.sourceCount();
    return CellJson.object(cell, axes.hasPrompts() ? Integer.valueOf(cell.index() / each) : null);
  }
}
