package dev.diopter.lens.tuned.training;

import dev.diopter.engine.Model;
import dev.diopter.engine.Products;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.LensConfig;
import dev.diopter.lens.tuned.LensFiles;
import dev.diopter.lens.tuned.LensFit;
import dev.diopter.lens.tuned.Translator;
import dev.diopter.lens.tuned.TunedLens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Trains a tuned lens: one pass of the frozen model gives the streams of all layers, the layers are
 * trained at the same time and share nothing but the bound on the gradient. The same model, data
 * and options give the same bits, on any number of threads and through any number of interruptions.
 *
 * <p>One run at a time; the model stays the caller's.
 */
public final class LensTraining {
  /** Logits of one layer that are held at a time, unless that makes too few rows: half a MB. */
  private static final int LOGITS = 1 << 17;

  /** Probabilities that the layers share at a time: 32 MB. */
  private static final int SHARED = 1 << 23;

  private static final int LEAST_ROWS = 96;
  private static final int MOST_ROWS = 1024;

  private final Model model;
  private final LensData data;
  private final TrainingOptions options;
  private final LensConfig config;
  private final @Nullable Path folder;
  private final @Nullable TunedLens start;
  private final @Nullable String weights;

  /**
   * A training.
   *
   * @param config what the lens will say of itself; its site must be the options'
   * @param folder where log and checkpoints go, and where those of an earlier run are looked for;
   *     null for neither
   */
  public LensTraining(
      Model model,
      LensData data,
      TrainingOptions options,
      LensConfig config,
      @Nullable Path folder) {
    this(model, data, options, config, folder, null, null);
  }

  private LensTraining(
      Model model,
      LensData data,
      TrainingOptions options,
      LensConfig config,
      @Nullable Path folder,
      @Nullable TunedLens start,
      @Nullable String weights) {
    if (config.site() != options.site()
        || config.layers() != model.config().layers()
        || config.width() != model.config().width()) {
      throw new IllegalArgumentException("expected the configuration of a lens of this model");
    }
    this.model = model;
    this.data = data;
    this.options = options;
    this.config = config;
    this.folder = folder;
    this.start = start;
    this.weights = weights;
  }

  /**
   * The same for weights of this fingerprint ({@link dev.diopter.models.OpenModel#fingerprint()}),
   * which checkpoints then know: none of other weights is resumed.
   */
  public LensTraining ofWeights(String fingerprint) {
    return new LensTraining(model, data, options, config, folder, start, fingerprint);
  }

  /**
   * The same from a lens that is there.
   *
   * @param lens of the same model's sizes and of the options' site; whether it belongs to the model
   *     is {@link dev.diopter.lens.tuned.LensFit}'s to say
   */
  public LensTraining startingAt(TunedLens lens) {
    if (options.start() != TrainingOptions.Start.LENS) {
      throw new IllegalArgumentException("expected options that start at a lens");
    }
    if (lens.site() != config.site()
        || lens.layers() != config.layers()
        || lens.width() != config.width()) {
      throw new UsageException(
          "expected a lens to start from of %d layers of width %d that reads %s, got %d of width %d that read %s"
              .formatted(
                  config.layers(),
                  config.width(),
                  config.site().label(),
                  lens.layers(),
                  lens.width(),
                  lens.site().label()));
    }
    return new LensTraining(model, data, options, config, folder, lens, weights);
  }

  /**
   * What came of a training.
   *
   * @param lens the lens
   * @param survey what the texts held
   * @param tokens tokens of all steps
   * @param ridgeTokens tokens of the ridge fit; 0 where there was none
   * @param resumedFrom step of the checkpoint that it went on from; 0 for none
   * @param losses of each layer at the last step, in nats; empty without steps
   */
  public record Result(
      TunedLens lens,
      LensData.Survey survey,
      long tokens,
      long ridgeTokens,
      int resumedFrom,
      double[] losses) {}

  /**
   * Trains.
   *
   * @throws TrainingException if there is too little data, or losses or parameters are no numbers
   *     any more
   */
  public Result run(TrainingListener listener) {
    LensFit.requireProcessing(config, model);
    int chunk = data.chunkSize();
    Streams.requireShift(options.shiftOrDefault(), chunk);
    if (options.tokensPerStep() % chunk != 0) {
      throw new UsageException(
          "tokens per step: expected a multiple of the chunks of %d tokens, got %d; the nearest is %d"
              .formatted(
                  chunk,
                  options.tokensPerStep(),
                  Math.max(1, Math.round((double) options.tokensPerStep() / chunk)) * chunk));
    }
    if ((start == null) == (options.start() == TrainingOptions.Start.LENS)) {
      throw new IllegalArgumentException("expected a lens to start from, and options that say so");
    }
    boolean ridge = options.start() == TrainingOptions.Start.RIDGE;
    int perStep = options.tokensPerStep() / chunk;
    long stepChunks = (long) options.steps() * perStep;
    long ridgeChunks = ridge ? Math.max(1, options.ridgeTokens() / chunk) : 0;
    LensData.Survey survey = data.survey(Math.max(stepChunks, ridgeChunks));
    requireEnough(survey, perStep, stepChunks, ridgeChunks);
    try (Threads threads = new Threads(options.threads())) {
      Snapshot snapshots = folder == null ? null : snapshots(folder, survey);
      Optional<Snapshot.Found> found = snapshots == null ? Optional.empty() : snapshots.last();
      long usedChunks = Math.min(ridgeChunks, survey.chunks());
      List<Translator> from = start == null ? null : start.translators();
      if (ridge && found.isEmpty()) {
        from = new RidgePass(model, data, options, threads).fit(usedChunks, listener);
      }
      Products products = model.products();
      List<LayerTrainer> layers = trainers(products, from);
      int first = 0;
      if (found.isPresent() && snapshots != null) {
        snapshots.read(found.get(), layers);
        first = found.get().step();
        listener.resumed(first, found.get().file());
      }
      Divergence.requireFinite(layers);
      double[] losses = steps(products, layers, first, perStep, snapshots, threads, listener);
      List<Translator> trained = layers.stream().map(LayerTrainer::translator).toList();
      return new Result(
          new TunedLens(config, trained),
          survey,
          stepChunks * chunk,
          usedChunks * chunk,
          first,
          losses);
    }
  }

  private void requireEnough(
      LensData.Survey survey, int perStep, long stepChunks, long ridgeChunks) {
    int chunk = data.chunkSize();
    if (survey.chunks() == 0 && stepChunks + ridgeChunks > 0) {
      throw new TrainingException(
          "not enough data for a single chunk of %d tokens: give more text or a smaller --max-length"
              .formatted(chunk));
    }
    if (survey.chunks() < stepChunks) {
      throw new TrainingException(
          "can only take %d steps of %d tokens: expected %d chunks of %d tokens for %d steps, the texts have %d; give more text, or fewer or smaller steps"
              .formatted(
                  survey.chunks() / perStep,
                  options.tokensPerStep(),
                  stepChunks,
                  chunk,
                  options.steps(),
                  survey.chunks()));
    }
  }

  private Snapshot snapshots(Path home, LensData.Survey survey) {
    Map<String, String> identity = new LinkedHashMap<>();
    identity.put("format", "diopter-lens-checkpoint-2");
    identity.put("model", model.name());
    identity.put("processing", String.join(",", config.processing()));
    identity.put("unembed_hash", String.valueOf(config.unembedHash()));
    if (weights != null) {
      identity.put("weights", weights);
    }
    // Chunks of another length can have the same ids in the same order, and so the same hash.
    identity.put("chunk_length", Integer.toString(data.chunkSize()));
    identity.put("options", options.fingerprint());
    identity.put("data", survey.sha256());
    if (start != null) {
      identity.put("start_lens", Snapshot.sha256(start));
    }
    // With it a checkpoint is a lens, too, that can be read and started from.
    identity.put(LensFiles.METADATA_CONFIG, LensFiles.metadataConfig(config));
    return new Snapshot(home.resolve("checkpoints"), identity);
  }

  private List<LayerTrainer> trainers(Products products, @Nullable List<Translator> given) {
    List<LayerTrainer> layers = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      Translator from = given == null ? Translator.identity(config.width()) : given.get(layer);
      layers.add(
          new LayerTrainer(products, from, options.optimizer().states(), options.biasOnly()));
    }
    return layers;
  }

  /** The steps from {@code first} on; the losses of the last. */
  private double[] steps(
      Products products,
      List<LayerTrainer> layers,
      int first,
      int perStep,
      @Nullable Snapshot snapshots,
      Threads threads,
      TrainingListener listener) {
    double[] losses = new double[0];
    if (first >= options.steps()) {
      return losses;
    }
    TrainingLog log = null;
    long total = (long) options.steps() * perStep;
    try (HeadLoss head = new HeadLoss(model, products);
        ShuffledChunks chunks = new ShuffledChunks(data, total, options.seed())) {
      chunks.skip((long) first * perStep);
      for (int step = first; step < options.steps(); step++) {
        TrainingStep done = step(step, chunks.next(perStep), products, layers, head, threads);
        losses = done.losses();
        if (folder != null) {
          // Only now, so that a training that fails at once leaves the log of an earlier one.
          log =
              log == null ? TrainingLog.open(folder.resolve("log.csv"), first, layers.size()) : log;
          log.add(done);
        }
        listener.step(done);
        Integer every = options.checkpointEvery();
        if (snapshots != null && every != null && (step + 1) % every == 0) {
          listener.checkpoint(snapshots.write(step + 1, layers));
        }
      }
    }
    return losses;
  }

  private TrainingStep step(
      int step,
      List<int[]> sequences,
      Products products,
      List<LayerTrainer> layers,
      HeadLoss head,
      Threads threads) {
    layers.forEach(LayerTrainer::begin);
    long rows = 0;
    for (int from = 0; from < sequences.size(); from += options.batch()) {
      List<int[]> some =
          sequences.subList(from, Math.min(sequences.size(), from + options.batch()));
      Streams streams =
          Streams.of(model, options.site(), some, threads)
              .shifted(options.shiftOrDefault(), data.chunkSize());
      accumulate(streams, products, layers, head, threads);
      rows += streams.rows();
    }
    Integer every = options.checkpointEvery();
    Divergence divergence = new Divergence(folder != null && every != null && step >= every);
    double[] losses = new double[layers.size()];
    double squares = 0;
    for (int layer = 0; layer < losses.length; layer++) {
      losses[layer] = layers.get(layer).loss(rows);
      if (!Double.isFinite(losses[layer])) {
        throw divergence.at(step, "the loss of layer %d is %s".formatted(layer, losses[layer]));
      }
      squares += layers.get(layer).squaredNorm(rows);
    }
    double norm = Math.sqrt(squares);
    double factor = clip(norm) / rows;
    double rate =
        options.optimizer().baseRate(options.momentum())
            * options.learningRateScale()
            * options.learningRate().factor(step);
    Optimizer.Setting setting =
        new Optimizer.Setting(step, rate, options.momentum(), options.weightDecay());
    boolean[] finite = new boolean[losses.length];
    threads.forEach(
        finite.length,
        layer -> {
          layers.get(layer).step(options.optimizer(), setting, factor);
          finite[layer] = layers.get(layer).isFinite();
        });
    for (int layer = 0; layer < finite.length; layer++) {
      if (!finite[layer]) {
        throw divergence.at(
            step, "the parameters of layer %d are no numbers any more".formatted(layer));
      }
    }
    long tokens = (step + 1L) * options.tokensPerStep();
    return new TrainingStep(step + 1, options.steps(), tokens, rate, norm, losses);
  }

  private double clip(double norm) {
    return norm > options.clipNorm() ? options.clipNorm() / (norm + 1e-6) : 1;
  }

  /**
   * Adds the losses and gradients of all rows, some blocks of rows at a time: what the layers share
   * of them must fit in memory, and each layer goes through them in order.
   */
  private void accumulate(
      Streams streams,
      Products products,
      List<LayerTrainer> layers,
      HeadLoss head,
      Threads threads) {
    int most = headRows(model.config().vocabulary());
    int blocks = (streams.rows() + most - 1) / most;
    int together = Math.max(1, SHARED / (most * model.config().vocabulary()));
    for (int first = 0; first < blocks; first += together) {
      int from = first;
      Targets[] targets = new Targets[Math.min(together, blocks - first)];
      threads.forEach(
          targets.length, i -> targets[i] = targets(streams, products, (from + i) * most, most));
      threads.forEach(
          layers.size(),
          layer -> {
            float[] all = streams.layers()[layer];
            for (int i = 0; i < targets.length; i++) {
              float[] h = rows(all, (from + i) * most, targets[i].rows());
              layers.get(layer).accumulate(h, targets[i], head);
            }
          });
    }
  }

  private Targets targets(Streams streams, Products products, int from, int most) {
    int count = Math.min(most, streams.rows() - from);
    return options.loss() == LensLoss.CE
        ? new Targets.Labels(Arrays.copyOfRange(streams.ids(), from, from + count))
        : Targets.predictions(model, products, rows(streams.finals(), from, count), count);
  }

  /**
   * How many threads the model's backend should have for a training or an evaluation on so many:
   * layers are computed at the same time by threads of their own, and both kinds together should be
   * as many as the machine has to give. Speed alone depends on it.
   *
   * @param threads of the {@link TrainingOptions} or {@link EvaluationOptions}
   * @param layers the model's
   */
  public static int backendThreads(int threads, int layers) {
    return threads - Math.min(threads, layers) + 1;
  }

  static int headRows(int vocabulary) {
    return Math.clamp(LOGITS / vocabulary, LEAST_ROWS, MOST_ROWS);
  }

  private float[] rows(float[] all, int from, int count) {
    return Arrays.copyOfRange(all, from * config.width(), (from + count) * config.width());
  }
}
