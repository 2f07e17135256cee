package dev.diopter.lens.tuned.training;

import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.LensSite;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How a lens is trained, as a value. Start with {@link #DEFAULT} and refine.
 *
 * @param site the stream that it reads
 * @param loss what is made small
 * @param shift positions between a prediction and its target; null for the loss's own
 * @param start where training starts
 * @param ridgeTokens tokens of the ridge fit, at most
 * @param ridgePenalty see {@link Start#RIDGE}; relative to the stream's mean variance
 * @param steps steps of the optimiser; 0 for the start alone
 * @param tokensPerStep tokens of a step; a multiple of the data's chunks
 * @param batch chunks in one pass of the model; results depend on it in their last bits only
 * @param optimizer how a step is made
 * @param learningRateScale factor on the optimiser's own rate
 * @param momentum of the optimiser
 * @param weightDecay pull of every number towards zero, which is the logit lens
 * @param warmUp steps with a growing rate; null for the optimiser's own
 * @param clipNorm most norm of the gradient of all layers together
 * @param biasOnly whether W stays as it is
 * @param seed of the order of the chunks
 * @param checkpointEvery steps between checkpoints; null for none
 * @param threads layers at a time; results do not depend on it
 */
public record TrainingOptions(
    LensSite site,
    LensLoss loss,
    @Nullable Integer shift,
    Start start,
    long ridgeTokens,
    double ridgePenalty,
    int steps,
    int tokensPerStep,
    int batch,
    Optimizer optimizer,
    double learningRateScale,
    double momentum,
    double weightDecay,
    @Nullable Integer warmUp,
    double clipNorm,
    boolean biasOnly,
    long seed,
    @Nullable Integer checkpointEvery,
    int threads) {

  /** Where training starts. */
  public enum Start {
    /** At the logit lens. */
    IDENTITY,
    /** At the least squares solution, see {@code docs/tuned-lens-training.md}. */
    RIDGE,
    /** At a lens that is there, which {@link LensTraining#startingAt} is given. */
    LENS;

    /** Its name on the command line. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The Python package's numbers, but for the size of a step. */
  public static final TrainingOptions DEFAULT =
      new TrainingOptions(
          LensSite.RESID_PRE,
          LensLoss.KL,
          null,
          Start.IDENTITY,
          1 << 16,
          1e-3,
          250,
          1 << 13,
          8,
          Optimizer.SGD,
          1,
          0.9,
          1e-3,
          null,
          1,
          false,
          42,
          null,
          Runtime.getRuntime().availableProcessors());

  public TrainingOptions {
    require(steps >= 0, "steps: expected 0 or more", steps);
    require(tokensPerStep > 0, "tokens per step: expected 1 or more", tokensPerStep);
    require(batch > 0, "batch: expected 1 or more", batch);
    require(threads > 0, "threads: expected 1 or more", threads);
    require(ridgeTokens > 0, "ridge tokens: expected 1 or more", ridgeTokens);
    require(ridgePenalty >= 0, "ridge penalty: expected 0 or more", ridgePenalty);
    require(
        learningRateScale > 0 && learningRateScale < Double.POSITIVE_INFINITY,
        "learning rate scale: expected more than 0",
        learningRateScale);
    require(momentum >= 0 && momentum < 1, "momentum: expected 0 or more, below 1", momentum);
    require(weightDecay >= 0, "weight decay: expected 0 or more", weightDecay);
    require(clipNorm > 0, "clip norm: expected more than 0", clipNorm);
    require(
        warmUp == null || (warmUp >= 0 && (warmUp < steps || warmUp == 0)),
        "warm-up: expected 0 or more, and fewer than the %d steps".formatted(steps),
        String.valueOf(warmUp));
    require(
        checkpointEvery == null || checkpointEvery > 0,
        "checkpoints: expected one every 1 or more steps",
        String.valueOf(checkpointEvery));
  }

  private static void require(boolean holds, String expected, Object got) {
    if (!holds) {
      throw new UsageException(expected + ", got " + got);
    }
  }

  /** The options while some of them are changed. */
  private static final class Draft {
    private LensSite site;
    private LensLoss loss;
    private @Nullable Integer shift;
    private Start start;
    private long ridgeTokens;
    private double ridgePenalty;
    private int steps;
    private int tokensPerStep;
    private int batch;
    private Optimizer optimizer;
    private double learningRateScale;
    private double momentum;
    private double weightDecay;
    private @Nullable Integer warmUp;
    private double clipNorm;
    private boolean biasOnly;
    private long seed;
    private @Nullable Integer checkpointEvery;
    private int threads;

    Draft(TrainingOptions from) {
      site = from.site;
      loss = from.loss;
      shift = from.shift;
      start = from.start;
      ridgeTokens = from.ridgeTokens;
      ridgePenalty = from.ridgePenalty;
      steps = from.steps;
      tokensPerStep = from.tokensPerStep;
      batch = from.batch;
      optimizer = from.optimizer;
      learningRateScale = from.learningRateScale;
      momentum = from.momentum;
      weightDecay = from.weightDecay;
      warmUp = from.warmUp;
      clipNorm = from.clipNorm;
      biasOnly = from.biasOnly;
      seed = from.seed;
      checkpointEvery = from.checkpointEvery;
      threads = from.threads;
    }

    TrainingOptions done() {
      return new TrainingOptions(
          site,
          loss,
          shift,
          start,
          ridgeTokens,
          ridgePenalty,
          steps,
          tokensPerStep,
          batch,
          optimizer,
          learningRateScale,
          momentum,
          weightDecay,
          warmUp,
          clipNorm,
          biasOnly,
          seed,
          checkpointEvery,
          threads);
    }
  }

  private TrainingOptions changed(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return draft.done();
  }

  /** With a number of steps of so many tokens. */
  public TrainingOptions budget(int newSteps, int newTokensPerStep) {
    return changed(d -> {
      d.steps = newSteps;
      d.tokensPerStep = newTokensPerStep;
    });
  }

  /** Starting at the ridge fit of at most so many tokens. */
  public TrainingOptions ridge(long tokens, double penalty) {
    return changed(d -> {
      d.start = Start.RIDGE;
      d.ridgeTokens = tokens;
      d.ridgePenalty = penalty;
    });
  }

  /** Starting at a lens that is there. */
  public TrainingOptions startAtLens() {
    return changed(d -> {
      d.start = Start.LENS;
    });
  }

  /** With another loss and shift. */
  public TrainingOptions loss(LensLoss newLoss, @Nullable Integer newShift) {
    return changed(d -> {
      d.loss = newLoss;
      d.shift = newShift;
    });
  }

  /** With another optimiser. */
  public TrainingOptions optimizer(
      Optimizer other, double newScale, double newMomentum, double decay, @Nullable Integer warm) {
    return changed(d -> {
      d.optimizer = other;
      d.learningRateScale = newScale;
      d.momentum = newMomentum;
      d.weightDecay = decay;
      d.warmUp = warm;
    });
  }

  /** With checkpoints every so many steps, or none. */
  public TrainingOptions checkpoints(@Nullable Integer every) {
    return changed(d -> {
      d.checkpointEvery = every;
    });
  }

  /** On so many threads, chunks in one pass. */
  public TrainingOptions work(int newThreads, int newBatch) {
    return changed(d -> {
      d.threads = newThreads;
      d.batch = newBatch;
    });
  }

  /** With another order of the data. */
  public TrainingOptions seed(long newSeed) {
    return changed(d -> {
      d.seed = newSeed;
    });
  }

  /** Reading another stream, training biases only or all, clipping at another norm. */
  public TrainingOptions shape(LensSite newSite, boolean newBiasOnly, double newClipNorm) {
    return changed(d -> {
      d.site = newSite;
      d.biasOnly = newBiasOnly;
      d.clipNorm = newClipNorm;
    });
  }

  int shiftOrDefault() {
    return shift == null ? loss.shift() : shift;
  }

  LearningRate learningRate() {
    return new LearningRate(steps, warmUp == null ? optimizer.defaultWarmUp(steps) : warmUp);
  }

  /** What decides the result, for a checkpoint to say what it belongs to. */
  String fingerprint() {
    return "site=%s loss=%s shift=%d start=%s ridge_tokens=%d ridge_penalty=%s steps=%d tokens_per_step=%d batch=%d optimizer=%s lr_scale=%s momentum=%s weight_decay=%s warm_up=%d clip_norm=%s bias_only=%s seed=%d"
        .formatted(
            site.label(),
            loss.label(),
            shiftOrDefault(),
            start,
            ridgeTokens,
            ridgePenalty,
            steps,
            tokensPerStep,
            batch,
            optimizer.label(),
            learningRateScale,
            momentum,
            weightDecay,
            learningRate().warmUp(),
            clipNorm,
            biasOnly,
            seed);
  }
}
