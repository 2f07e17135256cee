package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.lens.attention.Corpus;
import dev.diopter.lens.patchscope.AffineFit;
import dev.diopter.lens.patchscope.CellJson;
import dev.diopter.lens.patchscope.Layer;
import dev.diopter.lens.patchscope.MapTrainer;
import dev.diopter.lens.patchscope.Mapping;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter patchscope fit}: affine maps between layers or models. */
@picocli.CommandLine.Command(
    name = "fit",
    description =
        "Fit affine maps between layers of one model or of two by least squares, for --map affine:F.",
    footer = {
      "",
      "Example: diopter patchscope fit demo-gpt2 --target-model demo-llama --bos --diagonal"
          + " --texts texts.txt -o maps.safetensors"
    })
final class PatchscopeFitCommand implements Command {
  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String model = "";

  @Option(
      names = "--target-model",
      paramLabel = "MODEL",
      description = "Another model for the target, with a tokenizer of its own.")
  private @Nullable String other;

  @Option(
      names = "--texts",
      paramLabel = "FILE",
      required = true,
      description =
          "A .jsonl file (objects with text), another file (a text each line), or a folder of .txt"
              + " and .jsonl files.")
  private Path texts = Path.of("");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "F.safetensors",
      required = true,
      description = "Where the maps go.")
  private Path file = Path.of("");

  @Option(
      names = "--source-layers",
      paramLabel = "LIST",
      description = "embed, numbers, 0-5, final, blocks or all; all unless given.")
  private String sourceLayers = "all";

  @Option(
      names = "--target-layers",
      paramLabel = "LIST",
      description = "The same of the target, each with each source layer; -1 unless given.")
  private @Nullable String targetLayers;

  @Option(
      names = "--pairs",
      description = "The first source layer with the first target layer, and so on.")
  private boolean pairs;

  @Option(names = "--diagonal", description = "Each source layer into the same layer.")
  private boolean diagonal;

  @Option(
      names = "--ridge",
      paramLabel = "X",
      description = "Weight of the squared weights, for each pair of vectors; 0.01 unless given.")
  private double ridge = 0.01;

  @Option(
      names = "--hold-every",
      paramLabel = "N",
      description = "Every Nth text is held out to measure on; 5 unless given, 0 for none.")
  private int hold = 5;

  @Option(names = "--max-texts", paramLabel = "N", description = "Read at most so many texts.")
  private long most = Long.MAX_VALUE;

  @Option(names = "--bos", description = "Put the models' BOS ids in front of each text.")
  private boolean bos;

  @Option(
      names = "--paper-compat",
      description =
          "As the paper's code: vectors of the last block are those behind the final norm; for"
              + " patchscope run and over --paper-compat.")
  private boolean paperCompat;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  PatchscopeFitCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  private void validate() {
    compute.validate();
    result.validate();
    if (pairs && diagonal) {
      throw new UsageException("expected --pairs or --diagonal, got both");
    }
    if (diagonal && targetLayers != null) {
      throw new UsageException("--diagonal: expected no --target-layers with it");
    }
    if (!(ridge >= 0 && ridge < Double.POSITIVE_INFINITY)) {
      throw new UsageException("--ridge: expected 0 or more, got " + ridge);
    }
    if (hold < 0 || hold == 1) {
      throw new UsageException("--hold-every: expected 0, or 2 or more, got " + hold);
    }
    if (most < 1) {
      throw new UsageException("--max-texts: expected 1 or more, got " + most);
    }
    if (!file.toString().endsWith(".safetensors")) {
      throw new UsageException("--output: expected a .safetensors file, got " + file);
    }
    ResultFile.requireWritable(file);
  }

  @Override
  public void run() {
    validate();
    Corpus corpus = Corpus.of(texts);
    boolean same = other == null || other.equals(model);
    try (ScopeModels models =
        ScopeModels.open(model, same ? null : other, compute, screen, output)) {
      List<Mapping.Route> routes = routes(models);
      MapTrainer trainer =
          new MapTrainer(models.from(), models.to(), routes, bos, hold, paperCompat);
      Read read = read(corpus, trainer);
      MapTrainer.Result fitted = trainer.solve("affine:" + file.getFileName(), ridge);
      fitted.map().write(file);
      output.note("wrote " + file);
      advise(models, fitted.fits());
      if (result.wanted(output)) {
        result.deliver(object(models, read, fitted.fits()), screen, output);
      }
      if (!output.json()) {
        print(models, read, fitted.fits());
      }
    }
  }

  private List<Mapping.Route> routes(ScopeModels models) {
    List<Integer> from = entries(sourceLayers, models.from(), "source");
    List<Integer> to =
        diagonal
            ? entries(sourceLayers, models.to(), "target")
            : entries(targetLayers == null ? "-1" : targetLayers, models.to(), "target");
    List<Mapping.Route> routes = new ArrayList<>();
    if (!pairs && !diagonal) {
      from.forEach(s -> to.forEach(t -> routes.add(new Mapping.Route(s, t))));
      return routes.stream().distinct().toList();
    }
    // Of two models of different depth "all" is as far as both go.
    int n = diagonal ? Math.min(from.size(), to.size()) : from.size();
    if (!diagonal && to.size() != n) {
      throw new UsageException(
          "--pairs: expected as many target layers as source layers, got %d and %d"
              .formatted(to.size(), n));
    }
    for (int i = 0; i < n; i++) {
      routes.add(new Mapping.Route(from.get(i), to.get(i)));
    }
    return routes.stream().distinct().toList();
  }

  private static List<Integer> entries(String list, Model model, String side) {
    return Layer.list(list, model.config()).stream()
        .map(layer -> layer.entry(model.config(), side))
        .toList();
  }

  /** How many texts there were, and how many of them were longer than a model's context. */
  private record Read(long texts, long leftOut) {}

  private Read read(Corpus corpus, MapTrainer trainer) {
    long count = 0;
    long leftOut = 0;
    try (Corpus.Texts all = corpus.open();
        Progress progress = Progress.start(screen, output, "reading texts")) {
      for (String text = all.next(); text != null && count < most; text = all.next()) {
        count++;
        leftOut += text.isEmpty() || trainer.add(text) ? 0 : 1;
        progress.update(count, 0);
      }
    }
    if (leftOut > 0) {
      output.note(
          "%d of %d texts are longer than a model's context and were left out"
              .formatted(leftOut, count));
    }
    return new Read(count, leftOut);
  }

  /** A word where numbers that were fitted say nothing of other texts. */
  private void advise(ScopeModels models, Map<Mapping.Route, AffineFit.Fitted> fits) {
    int width = models.from().config().width();
    long least = fits.values().stream().mapToLong(AffineFit.Fitted::samples).min().orElse(0);
    if (least <= width) {
      output.note(
          "%d pairs for maps of %d numbers: R2 on them is near 1 whatever the texts; give more"
              .formatted(least, width));
    }
    if (fits.values().stream().anyMatch(f -> f.heldOutSamples() == 0)) {
      output.note(
          "no text is held out, so nothing says how good the maps are: "
              + (hold == 0 ? "--hold-every is 0" : "expected %d texts or more".formatted(hold)));
    }
  }

  private void print(ScopeModels models, Read read, Map<Mapping.Route, AffineFit.Fitted> fits) {
    Pages.fact(screen, "models", models.from().name() + " to " + models.to().name());
    Pages.fact(screen, "texts", Numbers.grouped(read.texts()));
    screen.out().println();
    Tables table =
        new Tables()
            .right("source")
            .right("target")
            .right("pairs")
            .right("R2")
            .right("held out")
            .right("held-out R2");
    fits.forEach((route, fit) ->
        table.row(
            ScopeText.layer(route.sourceEntry()),
            ScopeText.layer(route.targetEntry()),
            Numbers.grouped(fit.samples()),
            Numbers.fixed(fit.r2(), 4),
            Numbers.grouped(fit.heldOutSamples()),
            fit.heldOutSamples() == 0 ? "" : Numbers.fixed(fit.heldOutR2(), 4)));
    table.print(screen);
  }

  private ObjectNode object(
      ScopeModels models, Read read, Map<Mapping.Route, AffineFit.Fitted> fits) {
    ObjectNode object = Json.object();
    object.put("model", models.from().name());
    object.put("target_model", models.to().name());
    object.put("backend", models.to().backend());
    object.put("file", file.toString());
    object.put("texts", read.texts());
    object.put("left_out", read.leftOut());
    object.put("ridge", ridge);
    object.put("paper_compat", paperCompat);
    ArrayNode maps = object.putArray("maps");
    fits.forEach((route, fit) -> {
      ObjectNode map = maps.addObject();
      CellJson.layer(map, "source_layer", route.sourceEntry());
      CellJson.layer(map, "target_layer", route.targetEntry());
      map.put("samples", fit.samples());
      map.put("r2", fit.r2());
      map.put("held_out_samples", fit.heldOutSamples());
      if (fit.heldOutSamples() == 0) {
        map.putNull("held_out_r2");
      } else {
        map.put("held_out_r2", fit.heldOutR2());
      }
    });
    return object;
  }
}
