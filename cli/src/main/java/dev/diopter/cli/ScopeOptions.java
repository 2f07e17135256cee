package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.PromptOptions;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.patchscope.Input;
import dev.diopter.lens.patchscope.Limits;
import dev.diopter.lens.patchscope.Mapping;
import dev.diopter.lens.patchscope.Mappings;
import dev.diopter.lens.patchscope.Patch;
import dev.diopter.lens.patchscope.Positions;
import dev.diopter.lens.patchscope.Preset;
import dev.diopter.lens.patchscope.Readout;
import dev.diopter.lens.patchscope.Schedule;
import dev.diopter.lens.patchscope.Source;
import dev.diopter.lens.patchscope.Target;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What {@code patchscope run} and {@code over} have in common. */
final class ScopeOptions {
  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String model = "";

  @Mixin private final ScopeSource source = new ScopeSource();
  @Mixin private final ScopeTarget target = new ScopeTarget();

  @Option(names = "--bos", description = "Put the model's BOS id in front of both prompts.")
  private boolean bos;

  @Option(
      names = "--no-special",
      description = "Leave out the special tokens of the tokenizer's template.")
  private boolean noSpecial;

  @Option(
      names = "--map",
      paramLabel = "MAP",
      description =
          "identity (default), scale:NUMBER, add:F.npz, affine:F.safetensors or shuffle:SEED;"
              + " several act in turn.")
  private List<String> maps = new ArrayList<>();

  @Option(
      names = "--schedule",
      paramLabel = "WHEN",
      description = "Passes in which vectors are written: prompt (default), every, or steps:0,2.")
  private String schedule = "prompt";

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      description = "Tokens to generate, greedily; run: 10 unless given, over: 1.")
  private @Nullable Integer newTokens;

  @Option(names = "--ignore-eos", description = "Go on behind an end-of-text token.")
  private boolean ignoreEos;

  @Option(
      names = "--noise",
      paramLabel = "SD",
      description = "Normal noise on the target's embeddings, of this standard deviation.")
  private @Nullable Float noise;

  @Option(
      names = "--noise-position",
      paramLabel = "P",
      description = "Where: positions as above; all unless given.")
  private @Nullable String noisePosition;

  @Option(names = "--noise-seed", paramLabel = "N", description = "Decides it; 0 unless given.")
  private @Nullable Long noiseSeed;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "How many of the most probable tokens; 10 unless given.")
  private int top = 10;

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description = "A token whose numbers to show whatever its rank; a blank in front matters.")
  private List<String> tokens = new ArrayList<>();

  @Option(
      names = "--precision-at",
      paramLabel = "K",
      description = "The k of precision at k; 10 unless given.")
  private int precisionAt = 10;

  @Option(
      names = "--read",
      paramLabel = "WHERE",
      description = "Position that is read: last (default) or patched.")
  private @Nullable String read;

  @Option(
      names = "--paper-compat",
      description =
          "As the paper's code: vectors of the last block are those behind the final norm, and are"
              + " written there where the target is the last block too.")
  private boolean paperCompat;

  @Option(
      names = "--memory",
      paramLabel = "MIB",
      description = "Memory for patches that are under way together; 256 unless given.")
  private long memory = 256;

  @Option(
      names = "--max-token-layers",
      paramLabel = "N",
      description = "Refuse what takes more tokens through blocks than this.")
  private long mostLayers = Long.MAX_VALUE;

  String model() {
    return source.model == null ? model : source.model;
  }

  /** The target's model where it is another. */
  @Nullable String targetModel() {
    String other = target.model == null ? model : target.model;
    return other.equals(model()) ? null : other;
  }

  ScopeSide source() {
    return source.side();
  }

  ScopeSide target() {
    return target.side();
  }

  PromptOptions prompts() {
    return new PromptOptions(bos, !noSpecial);
  }

  @Nullable Integer newTokens() {
    return newTokens;
  }

  /** Fails where a value cannot be; before a model is loaded. */
  void validate(boolean sourceNeeded, boolean targetNeeded) {
    source().validate(sourceNeeded);
    target().validate(targetNeeded);
    var _ = Schedule.parse(schedule);
    var _ = readout(Readout.At.LAST);
    var _ = limits();
    if (newTokens != null && newTokens < 0) {
      throw new UsageException("--max-new-tokens: expected 0 or more, got " + newTokens);
    }
    if (noise != null && !(noise >= 0 && noise < Float.POSITIVE_INFINITY)) {
      throw new UsageException("--noise: expected 0 or more, got " + noise);
    }
    if (noise == null && (noisePosition != null || noiseSeed != null)) {
      throw new UsageException(
          "%s: expected --noise SD with it, got no noise"
              .formatted(noisePosition != null ? "--noise-position" : "--noise-seed"));
    }
    var _ = noisePositions();
  }

  private Positions noisePositions() {
    return noisePosition == null ? Positions.ALL : Positions.parse(noisePosition);
  }

  /** Fails where a sweep over layers would pass over what was asked of one layer. */
  void requireNoLayers() {
    String both = "%1$s: expected %1$ss, the layers of a sweep; one layer is for patchscope run";
    if (source.layer != null) {
      throw new UsageException(both.formatted("--source-layer"));
    }
    if (target.layer != null) {
      throw new UsageException(both.formatted("--target-layer"));
    }
  }

  /** Fails where the options lack what a preset is nothing without, or it would pass over some. */
  void requireFor(Preset preset) {
    String needs = preset.needs() == null ? "" : preset.needs();
    boolean lacks =
        switch (needs) {
          case "map" -> maps.isEmpty();
          case "noise" -> noise == null;
          case "target" -> !target().hasInput();
          default -> false;
        };
    if (lacks) {
      throw new UsageException(
          "--preset %s: expected --%s with it, got none".formatted(preset.name(), needs));
    }
    ScopeSide from = source();
    if (from.hasPositions() && from.positions().equals(Positions.ALL)) {
      throw new UsageException(
          "--source-position all: expected some of them with --preset %s, which takes %s unless given"
              .formatted(
                  preset.name(),
                  preset.sourcePosition() == null ? "each in turn" : preset.sourcePosition()));
    }
  }

  Mapping mapping() {
    return Mappings.parse(maps);
  }

  /** The source. */
  Source source(Model opened, Input input) {
    ScopeSide side = source();
    return Source.of(opened, input).at(side.positions()).layer(side.layer()).heads(side.heads());
  }

  /** What the options say of a target, whatever its input. */
  Target target(Target given, int tokensUnlessGiven) {
    ScopeSide side = target();
    Target own = given.schedule(Schedule.parse(schedule));
    own = own.newTokens(newTokens == null ? tokensUnlessGiven : newTokens);
    own = side.hasPositions() ? own.at(side.positions()) : own;
    own = side.layerText() == null ? own : own.layer(side.layer());
    own = side.head() == null ? own : own.heads(side.heads());
    if (noise != null) {
      int[] where = noisePositions().resolve(own.input(), own.model(), "noise");
      own = own.with(own.input().noisy(where, noise, noiseSeed == null ? 0 : noiseSeed));
    }
    return ignoreEos ? own.ignoringEos() : own;
  }

  /** One patch. */
  Patch patch(Model from, Model to, int tokensUnlessGiven) {
    return patch(source().input(from, prompts()), from, to, tokensUnlessGiven);
  }

  /** One patch from a source's input. */
  Patch patch(Input input, Model from, Model to, int tokensUnlessGiven) {
    Source own = source(from, input);
    Target given = Target.of(to, target().input(to, prompts()));
    return new Patch(own, mapping(), target(given, tokensUnlessGiven));
  }

  /** Whether last layers are where the paper's code has them. */
  boolean paperCompat() {
    return paperCompat;
  }

  /** With its last layers where {@code --paper-compat} has them. */
  Patch compatible(Patch patch) {
    return paperCompat ? patch.paperCompat() : patch;
  }

  /** What is read. */
  Readout readout(Readout.At unlessGiven) {
    Readout.At at =
        read == null
            ? unlessGiven
            : switch (read) {
              case "last" -> Readout.At.LAST;
              case "patched" -> Readout.At.PATCHED;
              default ->
                  throw new UsageException("--read: expected last or patched, got '" + read + "'");
            };
    return Readout.DEFAULT.top(top).precisionAt(precisionAt).at(at);
  }

  /** With the tokens that were asked for. */
  Readout withTokens(Readout readout, Model to) {
    return tokens.isEmpty() ? readout : readout.words(to, tokens);
  }

  Limits limits() {
    if (memory < 1 || memory > Long.MAX_VALUE >> 20) {
      throw new UsageException("--memory: expected 1 or more, got " + memory);
    }
    return Limits.DEFAULT.memory(memory << 20).tokenLayers(mostLayers);
  }

  /** A word on BOS. */
  void advise(Model from, Prompt prompt, OutputOptions output) {
    Integer id = from.config().bosId();
    PromptInput.adviseBos(id != null && prompt.ids()[0] == id, from, output);
  }
}
