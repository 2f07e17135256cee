package dev.diopter.lens.trajectory;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensFit;
import dev.diopter.lens.tuned.Unembedding;
import java.util.ArrayList;
import java.util.List;

/**
 * Computes trajectories. A prompt is run once; then, for some positions at a time, each layer's
 * stream goes through lens, final norm and head, and of the logits only statistics and top tokens
 * are kept. Thread safe as the model is.
 */
public final class Trajectories {
  private Trajectories() {}

  /** Hears how far a computation is. */
  @FunctionalInterface
  public interface ProgressListener {
    /** Hears nothing. */
    ProgressListener NONE = (done, total) -> {};

    /** So many of all rows of positions are done. */
    void done(int rows, int total);
  }

  /** The trajectory of one prompt. */
  public static Trajectory of(TrajectorySource source) {
    return of(source, ProgressListener.NONE);
  }

  /** The trajectory of one prompt. */
  public static Trajectory of(TrajectorySource source, ProgressListener progress) {
    return new Computation(run(source), source.options(), progress).trajectory();
  }

  private static Streams run(TrajectorySource source) {
    List<Prompt> prompt = List.of(source.prompt());
    return Streams.run(source.model(), source.lens(), prompt, source.options().plan()).getFirst();
  }

  /**
   * Trajectories of several prompts, run as one batch, each to the bits of its own alone.
   *
   * @param options the same for each; given targets must fit each prompt
   */
  public static TrajectoryBatch ofBatch(
      Model model, Lens lens, List<Prompt> prompts, TrajectoryOptions options) {
    if (prompts.isEmpty()) {
      throw new UsageException("expected at least one prompt, got none");
    }
    prompts.forEach(prompt -> new TrajectorySource(model, lens, prompt, options));
    List<Trajectory> trajectories = new ArrayList<>();
    for (Streams streams : Streams.run(model, lens, prompts, options.plan())) {
      trajectories.add(new Computation(streams, options, ProgressListener.NONE).trajectory());
    }
    return new TrajectoryBatch(trajectories);
  }

  /**
   * The trajectory of streams from elsewhere, such as a cache, or any other vectors of the model's
   * width.
   *
   * @param ids the tokens that they belong to
   * @param layers what the lens reads at each layer, [position, width] each
   * @param output the stream behind the last block, of which the model's own row is computed
   * @param options their plan must be empty
   * @throws dev.diopter.models.ModelException if the lens is for other processing
   */
  public static Trajectory ofStreams(
      Model model,
      Lens lens,
      int[] ids,
      List<float[]> layers,
      float[] output,
      TrajectoryOptions options) {
    requireNoPlan(options);
    LensFit.requireProcessing(lens, model);
    Streams streams = Streams.given(new Unembedding(model), lens, ids.clone(), layers, output);
    return new Computation(streams, options, ProgressListener.NONE).trajectory();
  }

  /**
   * The trajectory of logits or log-probabilities that somebody has already.
   *
   * @param ids the tokens
   * @param vocabulary number of logits of a position
   * @param rows a row [position, vocabulary] for each layer, and the model's own as the last
   * @param options their plan must be empty
   */
  public static Trajectory ofLogits(
      int[] ids, int vocabulary, List<float[]> rows, TrajectoryOptions options) {
    return given(ids, vocabulary, rows, options).trajectory();
  }

  /**
   * Two such, compared.
   *
   * @param options of both
   */
  public static Comparison compareLogits(
      int[] ids,
      int vocabulary,
      List<float[]> self,
      List<float[]> other,
      TrajectoryOptions options) {
    if (self.size() != other.size()) {
      throw new UsageException(
          "expected equally many rows to compare, got %d and %d"
              .formatted(self.size(), other.size()));
    }
    return given(ids, vocabulary, self, options)
        .compare(given(ids, vocabulary, other, options), ProgressListener.NONE);
  }

  private static Computation given(
      int[] ids, int vocabulary, List<float[]> rows, TrajectoryOptions options) {
    requireNoPlan(options);
    GivenLogits given = new GivenLogits(ids.clone(), vocabulary, rows.toArray(float[][]::new));
    return new Computation(given, options, ProgressListener.NONE);
  }

  private static void requireNoPlan(TrajectoryOptions options) {
    if (!options.plan().isEmpty()) {
      throw new UsageException("numbers from elsewhere: expected no plan, since nothing is run");
    }
  }

  /** Two trajectories of equally many positions, compared: other prompts, edits, lenses, models. */
  public static Comparison compare(TrajectorySource self, TrajectorySource other) {
    return compare(self, other, ProgressListener.NONE);
  }

  /** Two trajectories of equally many positions, compared. */
  public static Comparison compare(
      TrajectorySource self, TrajectorySource other, ProgressListener progress) {
    if (self.prompt().length() != other.prompt().length()) {
      throw new UsageException(
          "expected prompts of equally many tokens to compare, got %d and %d"
              .formatted(self.prompt().length(), other.prompt().length()));
    }
    if (self.model().config().vocabulary() != other.model().config().vocabulary()
        || self.lens().layers() != other.lens().layers()) {
      throw new UsageException(
          "expected models of one vocabulary and depth to compare, got %d ids and %d layers, and %d ids and %d layers"
              .formatted(
                  self.model().config().vocabulary(),
                  self.lens().layers(),
                  other.model().config().vocabulary(),
                  other.lens().layers()));
    }
    Computation first = new Computation(run(self), self.options(), ProgressListener.NONE);
    Computation second = new Computation(run(other), other.options(), ProgressListener.NONE);
    return first.compare(second, progress);
  }
}
