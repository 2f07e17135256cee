package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.lens.tuned.LensConfig;
import dev.diopter.lens.tuned.LensFiles;
import dev.diopter.lens.tuned.LensFit;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.UnembedHash;
import dev.diopter.lens.tuned.training.LensData;
import dev.diopter.lens.tuned.training.LensLoss;
import dev.diopter.lens.tuned.training.LensTraining;
import dev.diopter.lens.tuned.training.Optimizer;
import dev.diopter.lens.tuned.training.TrainingListener;
import dev.diopter.lens.tuned.training.TrainingOptions;
import dev.diopter.lens.tuned.training.TrainingStep;
import dev.diopter.models.OpenModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter lens train}: a tuned lens from texts. */
@picocli.CommandLine.Command(
    name = "train",
    description =
        "Train a tuned lens: for each layer the affine map behind which the model's own head comes"
            + " nearest to the model's predictions. A run that was stopped goes on from its last"
            + " checkpoint, to the same bits.",
    footer = {
      "",
      "Example: diopter lens train demo-gpt2 --data texts.jsonl -o lens --start ridge --steps 50"
    })
final class LensTrainCommand implements Command {
  private static final TrainingOptions DEFAULT = TrainingOptions.DEFAULT;
  private static final String IDENTITY = "identity";
  private static final String RIDGE = "ridge";

  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String name = "";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR",
      required = true,
      description = "Folder of the lens, its log.csv and its checkpoints.")
  private Path folder = Path.of("");

  @Mixin private final LensTexts texts = new LensTexts();

  @Option(
      names = "--loss",
      paramLabel = "NAME",
      description =
          "kl (default): divergence from the model's predictions; ce: cross-entropy of the next token.")
  private String loss = "kl";

  @Option(
      names = "--token-shift",
      paramLabel = "N",
      description = "Positions from a prediction to its target; 0 for kl, 1 for ce unless given.")
  private @Nullable Integer shift;

  @Option(
      names = "--start",
      paramLabel = "NAME|DIR",
      description =
          "identity (default): at the logit lens; ridge: at a least squares fit; a folder or a"
              + " checkpoint: at the tuned lens in it; tuned: at the one of a demo model.")
  private String start = IDENTITY;

  @Option(
      names = "--any-model",
      description = "Let --start take a lens of another model of the same size.")
  private boolean anyModel;

  @Option(
      names = "--ridge-tokens",
      paramLabel = "N",
      description = "Most tokens of the least squares fit; 65536 unless given.")
  private @Nullable Long ridgeTokens;

  @Option(
      names = "--ridge-penalty",
      paramLabel = "X",
      description = "Its pull to the logit lens; 0.001 of the stream's variance unless given.")
  private @Nullable Double ridgePenalty;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Steps of the optimizer; 250 unless given, 0 for the start alone.")
  private int steps = DEFAULT.steps();

  @Option(
      names = "--tokens-per-step",
      paramLabel = "N",
      description = "A multiple of the chunks' length; about 8192 unless given.")
  private @Nullable Integer tokensPerStep;

  @Option(names = "--optimizer", paramLabel = "NAME", description = "sgd (default), adam or muon.")
  private String optimizer = "sgd";

  @Option(
      names = "--lr-scale",
      paramLabel = "X",
      description =
          "Factor on the rate of 1 - momentum (sgd), 0.001 (adam) or 0.01 (muon); 1 unless given.")
  private double scale = 1;

  @Option(
      names = "--momentum",
      paramLabel = "X",
      description = "Nesterov's, or adam's first beta; 0.9 unless given.")
  private double momentum = DEFAULT.momentum();

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      description = "Pull to the logit lens; 0.001 unless given.")
  private double decay = DEFAULT.weightDecay();

  @Option(
      names = "--warmup-steps",
      paramLabel = "N",
      description = "Steps with a growing rate; 0 (sgd) or a fifth of all (adam) unless given.")
  private @Nullable Integer warmUp;

  @Option(
      names = "--clip",
      paramLabel = "X",
      description = "Most norm of the gradient of all layers together; 1 unless given.")
  private double clip = DEFAULT.clipNorm();

  @Option(names = "--bias-only", description = "Train the biases alone.")
  private boolean biasOnly;

  @Option(
      names = "--site",
      paramLabel = "NAME",
      description = "The stream that is read: resid_pre (default), resid_mid or resid_post.")
  private String site = LensSite.RESID_PRE.label();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of the order of the chunks; 42 unless given.")
  private long seed = DEFAULT.seed();

  @Option(
      names = "--checkpoint-every",
      paramLabel = "N",
      description = "Steps between checkpoints; none unless given.")
  private @Nullable Integer every;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ProcessOption process = new ProcessOption();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  LensTrainCommand(Screen screen) {
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
    process.wanted();
    result.validate();
    texts.validate();
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new UsageException("--output: expected a folder, found a file: " + folder);
    }
    TrainingOptions options = options();
    LensFiles.Loaded given =
        options.start() == TrainingOptions.Start.LENS ? LensOption.load(start, name) : null;
    long began = System.nanoTime();
    try (Model model = process.openBesideLayers(compute, name, screen, output)) {
      LensData data = texts.open(model);
      options = options.budget(steps, tokensOfAStep(data));
      LensTraining training = training(model, data, options);
      LensTraining.Result trained;
      try (Progress progress = Progress.start(screen, output, "training a lens of " + name)) {
        trained =
            (given == null ? training : from(given, training, model)).run(new Reports(progress));
      }
      LensFiles.save(folder, trained.lens(), said(options, trained));
      deliver(model, data, options, trained, System.nanoTime() - began);
    }
  }

  private LensTraining training(Model model, LensData data, TrainingOptions options) {
    try (OpenModel stored = ProcessOption.stored(model)) {
      LensConfig config = LensConfig.of(model, options.site(), UnembedHash.of(stored.weights()));
      return new LensTraining(model, data, options, config, folder).ofWeights(stored.fingerprint());
    }
  }

  private TrainingOptions options() {
    boolean ridge = start.equals(RIDGE);
    boolean lens = !ridge && !start.equals(IDENTITY);
    if (lens && !start.equals(LensOption.TUNED) && !Files.exists(Path.of(start))) {
      throw new UsageException(
          "--start: expected identity, ridge, tuned or a folder with a lens, got '" + start + "'");
    }
    if (anyModel && !lens) {
      throw new UsageException("--any-model: expected --start with a lens beside it");
    }
    if (!ridge && (ridgeTokens != null || ridgePenalty != null)) {
      throw new UsageException("--ridge-tokens, --ridge-penalty: expected --start ridge with them");
    }
    if (!ridge && steps == 0) {
      throw new UsageException("--steps: expected 1 or more without --start ridge, got 0");
    }
    TrainingOptions options =
        (lens ? DEFAULT.startAtLens() : DEFAULT)
            .work(compute.threads(), texts.batch())
            .budget(steps, tokensPerStep == null ? DEFAULT.tokensPerStep() : tokensPerStep)
            .loss(LensLoss.of(loss), shift)
            .optimizer(Optimizer.of(optimizer), scale, momentum, decay, warmUp)
            .shape(LensSite.of(site), biasOnly, clip)
            .seed(seed)
            .checkpoints(every);
    return ridge
        ? options.ridge(
            ridgeTokens == null ? DEFAULT.ridgeTokens() : ridgeTokens,
            ridgePenalty == null ? DEFAULT.ridgePenalty() : ridgePenalty)
        : options;
  }

  private LensTraining from(LensFiles.Loaded given, LensTraining training, Model model) {
    given.notes().forEach(output::note);
    LensFit.of(model, ProcessOption.unembedHash(model))
        .check(given.lens(), anyModel)
        .forEach(output::note);
    return training.startingAt(given.lens());
  }

  private int tokensOfAStep(LensData data) {
    if (tokensPerStep != null) {
      return tokensPerStep;
    }
    return Math.max(1, DEFAULT.tokensPerStep() / data.chunkSize()) * data.chunkSize();
  }

  /** Progress while it runs, a line for whoever is not at a terminal when asked for. */
  private final class Reports implements TrainingListener {
    private final Progress progress;

    Reports(Progress progress) {
      this.progress = progress;
    }

    @Override
    public void ridge(long done, long total) {
      progress.update(done, total, "least squares");
    }

    @Override
    public void step(TrainingStep step) {
      String losses = losses(step.losses());
      progress.update(step.step(), step.steps(), losses);
      output.detail("step %d of %d: %s".formatted(step.step(), step.steps(), losses));
    }

    @Override
    public void checkpoint(Path file) {
      output.detail("wrote " + file);
    }

    @Override
    public void resumed(int step, Path file) {
      output.note("went on from %s, behind step %d".formatted(file, step));
    }
  }

  private static String losses(double[] losses) {
    StringBuilder text = new StringBuilder("loss");
    for (double each : losses) {
      text.append(' ').append(Numbers.fixed(each, 3));
    }
    return text.toString();
  }

  private static Map<String, String> said(TrainingOptions options, LensTraining.Result trained) {
    Map<String, String> said = new LinkedHashMap<>();
    said.put("training_loss", options.loss().label());
    said.put("training_start", options.start().label());
    said.put("training_steps", Integer.toString(options.steps()));
    said.put("training_tokens", Long.toString(trained.tokens()));
    said.put("training_ridge_tokens", Long.toString(trained.ridgeTokens()));
    said.put("training_seed", Long.toString(options.seed()));
    said.put("training_data_sha256", trained.survey().sha256());
    return said;
  }

  private void deliver(
      Model model,
      LensData data,
      TrainingOptions options,
      LensTraining.Result trained,
      long nanoseconds) {
    ObjectNode object = Json.object();
    ProcessOption.put(object, model);
    object.put("folder", folder.toString());
    object.put("loss", options.loss().label());
    object.put("start", options.start().label());
    object.put("seed", options.seed());
    object.put("steps", options.steps());
    object.put("tokens", trained.tokens());
    object.put("ridge_tokens", trained.ridgeTokens());
    object.put("chunk_length", data.chunkSize());
    object.put("resumed_from", trained.resumedFrom());
    object.put("nats_to_bits_per_byte", trained.survey().natsToBitsPerByte());
    ArrayNode losses = object.putArray("losses");
    for (double each : trained.losses()) {
      losses.add(each);
    }
    if (result.wanted(output)) {
      result.deliver(object, screen, output);
    }
    if (!output.json()) {
      screen
          .out()
          .println(
              "%s: a lens of %d layers%s, %s tokens of steps and %s of least squares, seed %d, in %s"
                  .formatted(
                      folder,
                      trained.lens().layers(),
                      ProcessOption.said(model),
                      Numbers.grouped(trained.tokens()),
                      Numbers.grouped(trained.ridgeTokens()),
                      options.seed(),
                      Numbers.duration(nanoseconds)));
      if (trained.losses().length > 0) {
        screen.out().println("last step: " + losses(trained.losses()) + " nats by layer");
      }
    }
  }
}
