package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.lens.patching.PatchExport;
import dev.diopter.lens.patching.PatchFigures;
import dev.diopter.lens.patching.PatchMetric;
import dev.diopter.lens.plotting.Figure;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter patch}: which places of a run make its answer. */
@picocli.CommandLine.Command(
    name = "patch",
    description =
        "Put values of one prompt's run into another's, one place at a time, and see which bring the"
            + " answer back.",
    customSynopsis =
        "diopter patch [OPTIONS] MODEL --clean TEXT --corrupt TEXT --answer TOKEN [--wrong TOKEN]",
    footer = {
      "",
      "Example: diopter patch demo-gpt2 --bos --clean \"When Mary and John went to the store, John"
          + " gave a book to\" --corrupt \"When Mary and John went to the store, Mary gave a book to\""
          + " --answer \" Mary\" --wrong \" John\""
    })
final class PatchCommand implements Command {
  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String name = "";

  @Mixin private final PatchInput input = new PatchInput();
  @Mixin private final PatchSweeps sweeps = new PatchSweeps();

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Cells to list of a sweep that is no table; 10 unless given.")
  private int top = 10;

  @Option(names = "--csv", paramLabel = "FILE", description = "Write the cells as CSV.")
  private @Nullable Path csv;

  @Option(names = "--npz", paramLabel = "FILE", description = "Write the sweeps as numpy arrays.")
  private @Nullable Path npz;

  @Option(
      names = "--attribution",
      description =
          "Say too what each layer and head adds to the logit difference in both runs, and the change.")
  private boolean attribution;

  @Option(
      names = "--estimate",
      description = "Say what it will cost at most, in work, memory and time; do nothing else.")
  private boolean estimate;

  @Option(
      names = "--figure",
      paramLabel = "FILE",
      description =
          "Draw heatmaps: .html, .svg, .svgz, .png or .plotly.json. Sweeps by position, by head and"
              + " by key/value heads that are fewer are files of their own, with .position, .head"
              + " and .kv_head in front of the suffix.")
  private @Nullable Path figure;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ProcessOption process = new ProcessOption();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  PatchCommand(Screen screen) {
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
    input.validate(attribution);
    sweeps.validate();
    compute.validate();
    process.wanted();
    result.validate();
    if (figure != null) {
      Figure.requireSuffix(figure);
    }
    for (Path file : new @Nullable Path[] {csv, npz, figure}) {
      if (file != null) {
        ResultFile.requireWritable(file);
      }
    }
    try (Model model = process.open(compute, name, screen, output)) {
      Prompt clean = input.clean(model);
      Prompt corrupt = input.corrupt(model);
      int answer = input.answer(model);
      @Nullable Integer wrong = input.wrong(model);
      Integer bos = model.config().bosId();
      PromptInput.adviseBos(bos != null && clean.ids()[0] == bos, model, output);
      if (estimate) {
        estimate(model, sweeps.estimate(model, clean, corrupt, input.metric(answer, wrong)));
        return;
      }
      PatchSweeps.Swept swept = sweep(model, clean, corrupt, input.metric(answer, wrong));
      @Nullable PatchAttribution parts =
          attribution && wrong != null
              ? PatchAttribution.of(model, clean, corrupt, answer, wrong)
              : null;
      Tokens tokens = Tokens.of(model);
      if (result.wanted(output)) {
        ObjectNode object = object(model, clean, corrupt, answer, wrong, swept);
        if (parts == null) {
          object.putNull("attribution");
        } else {
          object.set("attribution", parts.object());
        }
        result.deliver(object, screen, output);
      }
      if (csv != null) {
        PatchExport.csv(swept.sweeps(), csv);
        output.note("wrote " + csv);
      }
      if (npz != null) {
        PatchExport.npz(swept.sweeps(), npz);
        output.note("wrote " + npz);
      }
      if (figure != null) {
        draw(model, clean, corrupt, swept, figure);
      }
      if (!output.json()) {
        Pages.title(screen, model.name(), model);
        screen.out().println();
        Pages.fact(screen, "clean", difference(swept.clean(), answer, wrong, tokens));
        Pages.fact(screen, "corrupt", difference(swept.corrupt(), answer, wrong, tokens));
        Pages.fact(screen, "metric", input.metricName() + ", " + sweeps.direction());
        new PatchPage(screen, tokens, clean.ids(), corrupt.ids(), top).print(swept.named());
        if (parts != null) {
          parts.print(screen, top);
        }
      }
      output.detail(
          "%s cells, %s of them run: %s rows through blocks, %s rows of logits"
              .formatted(
                  Numbers.grouped(swept.cost().cells()),
                  Numbers.grouped(swept.cost().computed()),
                  Numbers.grouped(swept.cost().tokenLayers()),
                  Numbers.grouped(swept.cost().unembeddings())));
    }
  }

  private void estimate(Model model, PatchEstimate costs) {
    if (result.wanted(output)) {
      ObjectNode object = Json.object();
      object.put("model", model.name());
      object.put("backend", model.backend());
      object.set("estimate", costs.object());
      result.deliver(object, screen, output);
    }
    if (!output.json()) {
      costs.print(screen);
    }
  }

  private PatchSweeps.Swept sweep(Model model, Prompt clean, Prompt corrupt, PatchMetric metric) {
    int steps = sweeps.steps(model);
    long start = System.nanoTime();
    try (Progress progress = Progress.start(screen, output, "patching")) {
      PatchSweeps.Swept swept =
          sweeps.run(model, clean, corrupt, metric, done -> progress.update(done, steps));
      output.detail("patched in " + Numbers.duration(System.nanoTime() - start));
      return swept;
    }
  }

  private void draw(Model model, Prompt clean, Prompt corrupt, PatchSweeps.Swept swept, Path file) {
    Tokens tokens = Tokens.of(model);
    List<String> labels = new ArrayList<>();
    for (int i = 0; i < clean.length(); i++) {
      String label = tokens.shown(clean.ids(), i);
      boolean same = clean.ids()[i] == corrupt.ids()[i];
      labels.add(same ? label : label + "/" + tokens.shown(corrupt.ids(), i));
    }
    PatchFigures figures = new PatchFigures(labels);
    for (PatchSweeps.Named named : swept.named()) {
      if (PatchFigures.isDrawn(named.sweep())) {
        figures.add(named.sweep(), named.unpatched());
      } else {
        output.note(
            named.sweep().name() + " is not drawn: only two or three axes are; see --csv, --npz");
      }
    }
    Map<String, Figure> all =
        figures.figures(
            "%s, %s, %s".formatted(model.name(), input.metricName(), sweeps.direction()));
    all.forEach((kind, drawn) -> {
      Path to = all.size() == 1 ? file : kinds(file, kind);
      drawn.write(to);
      output.note("wrote " + to);
    });
  }

  /** The file with a word in front of its suffix. */
  private static Path kinds(Path file, String kind) {
    String all = String.valueOf(file.getFileName());
    int dot = all.endsWith(".plotly.json") ? all.length() - 12 : all.lastIndexOf('.');
    return file.resolveSibling(all.substring(0, dot) + "." + kind + all.substring(dot));
  }

  private static String difference(
      float[] logits, int answer, @Nullable Integer wrong, Tokens tokens) {
    if (wrong == null) {
      return "%s: logit of %s".formatted(Numbers.fixed(logits[answer], 4), tokens.shown(answer));
    }
    return "%s: logit of %s minus logit of %s"
        .formatted(
            Numbers.fixed((double) logits[answer] - logits[wrong], 4),
            tokens.shown(answer),
            tokens.shown(wrong));
  }

  private ObjectNode object(
      Model model,
      Prompt clean,
      Prompt corrupt,
      int answer,
      @Nullable Integer wrong,
      PatchSweeps.Swept swept) {
    Tokens tokens = Tokens.of(model);
    ObjectNode object = Json.object();
    ProcessOption.put(object, model);
    object.set("clean_ids", Tokens.ids(clean.ids()));
    tokens.putLabels(object, "clean_tokens", clean.ids());
    object.set("corrupt_ids", Tokens.ids(corrupt.ids()));
    tokens.putLabels(object, "corrupt_tokens", corrupt.ids());
    tokens.putToken(object.putObject("answer"), answer);
    if (wrong == null) {
      object.putNull("wrong");
    } else {
      tokens.putToken(object.putObject("wrong"), wrong);
    }
    object.put("direction", sweeps.direction());
    object.put("metric", input.metricName());
    object.put("clean_logit_diff", difference(swept.clean(), answer, wrong));
    object.put("corrupt_logit_diff", difference(swept.corrupt(), answer, wrong));
    ObjectNode unpatched = object.putObject("unpatched");
    swept.named().forEach(n -> unpatched.put(n.sweep().name(), n.unpatched()));
    object.set("sweeps", PatchExport.object(swept.sweeps()));
    object.set("axes", PatchExport.axes(swept.sweeps()));
    object.set("counters", PatchExport.object(swept.cost()));
    return object;
  }

  private static @Nullable Double difference(float[] logits, int answer, @Nullable Integer wrong) {
    return wrong == null ? null : (double) logits[answer] - logits[wrong];
  }
}
