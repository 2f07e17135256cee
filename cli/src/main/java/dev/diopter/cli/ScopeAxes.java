package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.patchscope.Cell;
import dev.diopter.lens.patchscope.Controls;
import dev.diopter.lens.patchscope.Counters;
import dev.diopter.lens.patchscope.Heads;
import dev.diopter.lens.patchscope.Input;
import dev.diopter.lens.patchscope.Layer;
import dev.diopter.lens.patchscope.Patch;
import dev.diopter.lens.patchscope.Patchscope;
import dev.diopter.lens.patchscope.Positions;
import dev.diopter.lens.patchscope.Preset;
import dev.diopter.lens.patchscope.Readout;
import dev.diopter.lens.patchscope.ScopeLines;
import dev.diopter.lens.patchscope.Source;
import dev.diopter.lens.patchscope.Sweep;
import dev.diopter.lens.patchscope.Target;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What {@code patchscope over} sweeps over. */
final class ScopeAxes {
  private static final List<String> VARIED =
      List.of(
          "positions",
          "source-positions",
          "target-positions",
          "heads",
          "source-heads",
          "target-heads");
  private static final int LONGEST = 60; // of a prompt in a title
  private static final List<String> CONTROLS =
      List.of("unpatched", "mean", "shuffled", "permuted", "all");
  private static final List<String> USUAL = CONTROLS.subList(0, 3);

  @Option(
      names = "--preset",
      paramLabel = "NAME",
      description = "A published configuration; patchscope presets lists them.")
  private @Nullable String preset;

  @Option(
      names = "--source-layers",
      paramLabel = "LIST",
      description = "embed, numbers, 0-5, final, blocks or all; all unless given.")
  private @Nullable String sourceLayers;

  @Option(
      names = "--target-layers",
      paramLabel = "LIST",
      description = "The same of the target; with each source layer each of them.")
  private @Nullable String targetLayers;

  @Option(
      names = "--pairs",
      description = "The first source layer with the first target layer, and so on.")
  private boolean pairs;

  @Option(names = "--diagonal", description = "Each source layer into the same layer.")
  private boolean diagonal;

  @Option(
      names = "--vary",
      paramLabel = "WHAT",
      description =
          "Besides layers: positions (both sides), source-positions, target-positions, heads,"
              + " source-heads or target-heads, each in turn.")
  private @Nullable String vary;

  @Option(
      names = "--control",
      paramLabel = "NAME",
      description =
          "What to show beside it: unpatched, mean (of the source's positions), shuffled (vectors"
              + " of other positions of the source, or of other sources), permuted (the vector's"
              + " numbers in another order), or all of the first three, or of a preset's own.")
  private List<String> controls = new ArrayList<>();

  @Option(
      names = "--control-seed",
      paramLabel = "N",
      description = "Decides shuffled and permuted; 0 unless given.")
  private long controlSeed;

  @Option(
      names = "--prompts",
      paramLabel = "FILE",
      description = "Source prompts, one a line, instead of --source: means over them by layer.")
  private @Nullable Path prompts;

  private int sourceCount = 1;

  /** Fails where the options contradict each other; before a model is loaded. */
  void validate(ScopeOptions options) {
    if (prompts != null && (controls.contains("mean") || controls.contains("all"))) {
      throw new UsageException(
          "--control mean, all: expected one --source, got --prompts; unpatched, shuffled and permuted go with them");
    }
    if (pairs && diagonal) {
      throw new UsageException("expected --pairs or --diagonal, got both");
    }
    if (diagonal && targetLayers != null) {
      throw new UsageException("--diagonal: expected no --target-layers with it");
    }
    if (preset != null) {
      if (sourceLayers != null || targetLayers != null || pairs || diagonal || vary != null) {
        throw new UsageException("--preset: expected no axes of your own with it");
      }
      options.requireFor(Preset.named(preset));
    }
    options.requireNoLayers();
    if (vary != null && !VARIED.contains(vary)) {
      throw new UsageException(
          "--vary: expected one of %s, got '%s'".formatted(String.join(", ", VARIED), vary));
    }
    for (String control : controls) {
      if (!CONTROLS.contains(control)) {
        throw new UsageException(
            "--control: expected one of %s, got '%s'"
                .formatted(String.join(", ", CONTROLS), control));
      }
    }
  }

  /** Whether the target's prompt need not be given. */
  boolean hasOwnTarget() {
    if (preset == null) {
      return false;
    }
    Preset named = Preset.named(preset);
    return named.same() || named.target() != null;
  }

  /** Whether there are several sources. */
  boolean hasPrompts() {
    return prompts != null;
  }

  private List<Input> sources(ScopeOptions options, ScopeModels models) {
    if (prompts == null) {
      return List.of(options.source().input(models.from(), options.prompts()));
    }
    return PromptLines.read(prompts).stream()
        .map(line -> Input.of(models.from().prompt(line, options.prompts())))
        .toList();
  }

  /**
   * The sweep.
   *
   * @param logits whether its cells hold the row of logits that they read
   */
  Patchscope scope(ScopeOptions options, ScopeModels models, boolean allSteps, boolean logits) {
    List<Patch> patches = new ArrayList<>();
    List<Input> inputs = sources(options, models);
    sourceCount = inputs.size();
    for (Input own : inputs) {
      patches.addAll(patches(own, options, models));
    }
    if (prompts != null) {
      ScopeLines.requireLine(patches, sourceCount);
    }
    Readout.At read = preset == null ? Readout.At.LAST : Preset.named(preset).read();
    return with(patches, options, models, read, allSteps, logits);
  }

  private List<Patch> patches(Input own, ScopeOptions options, ScopeModels models) {
    if (preset == null) {
      Patch patch = options.patch(own, models.from(), models.to(), 1);
      return layers(varied(Sweep.of(patch), patch), options, models).patches();
    }
    Preset named = Preset.named(preset);
    Source source = options.source(models.from(), own);
    ScopeSide side = options.target();
    Input given = side.hasInput() ? side.input(models.to(), options.prompts()) : null;
    Sweep found = named.sweep(source, models.to(), given, options.prompts(), options.mapping());
    List<Patch> patches = new ArrayList<>();
    for (Patch patch : found.patches()) {
      Layer layer = patch.target().layer();
      Target target = options.target(patch.target(), named.newTokens()).layer(layer);
      patches.add(patch.target(target));
    }
    return patches;
  }

  private static Patchscope with(
      List<Patch> patches,
      ScopeOptions options,
      ScopeModels models,
      Readout.At read,
      boolean allSteps,
      boolean logits) {
    Patchscope scope = Patchscope.of(patches.stream().map(options::compatible).toList());
    Readout readout = options.withTokens(options.readout(read), models.to());
    readout = allSteps ? readout.withAllSteps() : readout;
    return scope.readout(logits ? readout : readout.withoutLogits()).limits(options.limits());
  }

  private Sweep layers(Sweep sweep, ScopeOptions options, ScopeModels models) {
    List<Layer> from = list(sourceLayers, models.from());
    if (options.paperCompat() && from.contains(Layer.FINAL)) {
      int last = models.from().config().layers() - 1;
      if (from.stream().anyMatch(l -> l.equals(Layer.LAST) || l.equals(Layer.of(last)))) {
        throw new UsageException(
            "--paper-compat: layer %d is final there: expected one of both in --source-layers, got both"
                .formatted(last));
      }
    }
    if (diagonal) {
      return sweep.diagonal(from);
    }
    List<Layer> to = list(targetLayers, models.to());
    return pairs ? sweep.pairs(from, to) : sweep.grid(from, to);
  }

  private static List<Layer> list(@Nullable String text, Model model) {
    return Layer.list(text == null ? "all" : text, model.config());
  }

  private Sweep varied(Sweep sweep, Patch patch) {
    if (vary == null) {
      return sweep;
    }
    List<Positions> from = each(patch.source().input());
    List<Positions> to = each(patch.target().input());
    List<Heads> own = heads(patch.source().model());
    List<Heads> other = heads(patch.target().model());
    return switch (vary) {
      case "source-positions" -> sweep.sourcePositions(from);
      case "target-positions" -> sweep.targetPositions(to);
      case "source-heads" -> sweep.sourceHeads(own);
      case "target-heads" -> sweep.targetHeads(other);
      case "heads" ->
          sweep.over(own, (p, h) -> p.source(p.source().heads(h)).target(p.target().heads(h)));
      default -> sweep.over(from, (p, at) -> p.source(p.source().at(at)).target(p.target().at(at)));
    };
  }

  private static List<Positions> each(Input input) {
    return IntStream.range(0, input.length()).mapToObj(i -> Positions.at(i)).toList();
  }

  private static List<Heads> heads(Model model) {
    return IntStream.range(0, model.config().heads()).mapToObj(i -> Heads.of(i)).toList();
  }

  /**
   * A sweep to compare with.
   *
   * @param pass what was computed to make it
   */
  record Control(String name, Patchscope scope, Counters pass) {}

  boolean hasControls() {
    return !controls.isEmpty();
  }

  private List<String> named() {
    List<String> usual = preset == null ? USUAL : Preset.named(preset).controls();
    return controls.stream()
        .flatMap(name -> name.equals("all") ? usual.stream() : Stream.of(name))
        .distinct()
        .toList();
  }

  /**
   * The controls that were asked for, each checked. The mean is read now.
   *
   * @throws UsageException where one cannot run
   */
  List<Control> controls(Patchscope scope) {
    List<Control> all = new ArrayList<>();
    for (String name : named()) {
      Source source = scope.patches().getFirst().source();
      List<Patch> patches =
          switch (name) {
            case "unpatched" -> scope.patches().stream().map(Controls::unpatched).toList();
            case "shuffled" -> Controls.shuffled(scope.patches(), controlSeed);
            case "permuted" ->
                scope.patches().stream()
                    .map(p -> p.mapping(Controls.shuffle(controlSeed).then(p.mapping())))
                    .toList();
            default -> {
              var mapping =
                  Controls.mean(
                      source, List.of(source.input()), scope.patches().getFirst().mapping());
              yield scope.patches().stream().map(p -> p.mapping(mapping)).toList();
            }
          };
      Patchscope own = Patchscope.of(patches).readout(scope.readout()).limits(scope.limits());
      var _ = own.estimate(); // Says what is wrong before anything is patched.
      Input read = source.input();
      boolean passed = name.equals("mean");
      long layers = (long) read.length() * source.model().config().layers();
      all.add(new Control(name, own, passed ? new Counters(layers, 0) : Counters.NONE));
    }
    return all;
  }

  /** Whether it is every source layer with every target layer, and nothing else. */
  boolean isGrid() {
    return preset == null && vary == null && !pairs && !diagonal && prompts == null;
  }

  /** What arrays are called. */
  String name() {
    if (prompts != null) {
      return "cells";
    }
    return isGrid() ? "grid" : pairs || diagonal ? "pairs" : "cells";
  }

  /** How many sources there are. */
  int sourceCount() {
    return sourceCount;
  }

  /** What stands above a picture of averages. */
  static String title(Cell first, int sources) {
    return "%d prompts into %s".formatted(sources, label(first.patch().target().input()));
  }

  /** What stands above a picture. */
  String title(Cell first) {
    return "%s into %s"
        .formatted(label(first.patch().source().input()), label(first.patch().target().input()));
  }

  /** The end of a text, where its patched token mostly is, on one line. */
  private static String label(Input input) {
    String text = Text.visible(input.label()).replace('\u2423', ' ');
    int n = text.codePointCount(0, text.length());
    return n <= LONGEST ? text : "\u2026" + text.substring(text.offsetByCodePoints(0, n - LONGEST));
  }
}
