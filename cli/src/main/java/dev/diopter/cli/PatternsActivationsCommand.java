package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.lens.patterns.ModelFolder;
import dev.diopter.lens.patterns.PatternIndex;
import dev.diopter.lens.patterns.PatternRecorder;
import dev.diopter.lens.patterns.PromptTexts;
import dev.diopter.lens.patterns.RecorderOptions;
import dev.diopter.lens.patterns.RunSummary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter patterns activations}: the patterns of many prompts as npz files. */
@picocli.CommandLine.Command(
    name = "activations",
    description =
        "Run a model over many prompts and store their attention patterns. What is there is kept,"
            + " so a run that was stopped goes on where it was.",
    footer = {
      "",
      "Example: diopter patterns activations demo-gpt2 --bos -p texts.jsonl -r --min-chars 20"
          + " --max-chars 120"
    })
final class PatternsActivationsCommand implements Command {
  private static final int MIN_CHARS = 100;
  private static final int MAX_CHARS = 1000;

  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String name = "";

  @Option(
      names = {"-p", "--prompts"},
      paramLabel = "FILE.jsonl",
      description =
          "Objects with a text, one a line; without it the prompts that are stored already.")
  private @Nullable Path prompts;

  @Option(
      names = {"-r", "--raw-prompts"},
      description = "Leave out short texts and cut long ones; else each row is a prompt as it is.")
  private boolean raw;

  @Option(
      names = "--min-chars",
      paramLabel = "N",
      description = "Least characters of a prompt, with --raw-prompts; 100 unless given.")
  private @Nullable Integer minChars;

  @Option(
      names = "--max-chars",
      paramLabel = "N",
      description = "Most characters of a prompt, with --raw-prompts; 1000 unless given.")
  private @Nullable Integer maxChars;

  @Option(
      names = {"-n", "--n-samples"},
      paramLabel = "N",
      description = "Only the first N prompts, behind cutting and shuffling.")
  private @Nullable Long most;

  @Option(names = "--shuffle", description = "Shuffle the prompts, by --seed.")
  private boolean shuffle;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of --shuffle, 0 unless given: the same seed gives the same order.")
  private @Nullable Long seed;

  @Option(names = "--bos", description = "Put the model's BOS id in front of every prompt.")
  private boolean bos;

  @Option(names = "--no-special", description = "Without the BOS of the tokenizer's own template.")
  private boolean noSpecial;

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      description = "Hook points to store, the patterns among them; the patterns unless given.")
  private String hooks = RecorderOptions.PATTERNS;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "Name of the model's folder; made from MODEL unless given.")
  private @Nullable String folderName;

  @Option(
      names = {"-b", "--batch-size"},
      paramLabel = "N",
      description = "Most prompts in one pass; 32 unless given. Results do not depend on it.")
  private int batch = RecorderOptions.DEFAULT.batch();

  @Option(
      names = "--compress-level",
      paramLabel = "N",
      description = "0 (not at all) to 9; 6 unless given. 1 to 6 are one fast way, 7 to 9 zlib's.")
  private int level = RecorderOptions.DEFAULT.level();

  @Option(
      names = {"-f", "--force"},
      description = "Make again what is there already.")
  private boolean force;

  @Mixin private final PatternFolder place = new PatternFolder();
  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  PatternsActivationsCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    compute.validate();
    result.validate();
    PromptTexts texts = texts();
    RecorderOptions options =
        RecorderOptions.DEFAULT
            .bos(bos)
            .template(!noSpecial)
            .hooks(hooks)
            .batch(batch)
            .level(level)
            .threads(compute.threads())
            .force(force);
    ModelFolder folder = place.model(name, folderName);
    Path file = prompts == null ? stored(folder) : prompts;
    RunSummary summary;
    boolean withBos;
    String backend;
    try (Model model = compute.open(name, screen, output);
        Progress progress = Progress.start(screen, output, "recording " + folder.name())) {
      PatternRecorder recorder = new PatternRecorder(model, folder, options);
      withBos = recorder.prependsBos();
      backend = model.backend();
      summary =
          recorder.run((sink, broken) -> texts.read(file, sink, broken), most, progress::update);
    }
    summary =
        RunSummary.sum(
            List.of(
                summary,
                PatternIndex.prompts(folder).failuresOnly(),
                PatternIndex.models(place.store()).failuresOnly()));
    PatternIndex.pageSettings(place.store());
    ObjectNode object = Json.object();
    object.put("model", name);
    object.put("backend", backend);
    object.put("save_path", place.store().folder().toString());
    object.put("name", folder.name());
    object.put("prepends_bos", withBos);
    PatternResults.put(object, summary);
    if (result.wanted(output)) {
      result.deliver(object, screen, output);
    }
    if (!output.json()) {
      screen
          .out()
          .println(
              "%s: %s prompts recorded, %s there already, %s failed"
                  .formatted(
                      folder.folder(),
                      Numbers.grouped(summary.done()),
                      Numbers.grouped(summary.skipped()),
                      Numbers.grouped(summary.failed())));
    }
    PatternResults.end("prompts", summary, screen);
  }

  private PromptTexts texts() {
    if (!raw && (minChars != null || maxChars != null)) {
      throw new UsageException(
          "--min-chars, --max-chars: expected --raw-prompts with them; other rows stay as they are");
    }
    if (raw && prompts == null) {
      throw new UsageException("--raw-prompts: expected --prompts FILE.jsonl with it, got none");
    }
    if (seed != null && !shuffle) {
      throw new UsageException("--seed: expected --shuffle with it, got none");
    }
    if (most != null && most < 0) {
      throw new UsageException("--n-samples: expected 0 or more, got " + most);
    }
    Long order = shuffle ? Long.valueOf(seed == null ? 0 : seed) : null;
    return raw
        ? new PromptTexts(
            minChars == null ? MIN_CHARS : minChars, maxChars == null ? MAX_CHARS : maxChars, order)
        : new PromptTexts(null, null, order);
  }

  private static Path stored(ModelFolder folder) {
    Path file = folder.folder().resolve("prompts.jsonl");
    if (!Files.isRegularFile(file)) {
      throw new UsageException(
          "expected --prompts FILE.jsonl, got none, and none are stored in " + folder.folder());
    }
    return file;
  }
}
