package dev.diopter.lens.causal;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.LogProbabilities;
import dev.diopter.engine.Model;
import dev.diopter.engine.Operation;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensFit;
import dev.diopter.lens.tuned.LensSite;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Stimulus-response alignment: something is taken out of a layer's stream at all positions of some
 * prompts. The stimulus is the change of the lens's logits at that layer, the response the change
 * of the model's logits when the other blocks run on; compared position by position by {@link
 * Aitchison#similarity} under weights {@code (p + p') / 2}, the model's predictions before and
 * after.
 *
 * <p>Runs the prompts once and keeps their streams, then the blocks behind a layer for each
 * measurement. For one thread; the model stays the caller's.
 */
public final class Alignment {
  private static final int CHUNK_FLOATS = 1 << 22;

  private final Model model;
  private final Lens lens;
  private final List<Prompt> prompts;
  private final float[][] streams; // [layer][rows * width]
  private final float[] finals;

  /**
   * Of some prompts, which are run.
   *
   * @throws dev.diopter.models.ModelException if the lens is for other processing
   */
  public Alignment(Model model, Lens lens, List<Prompt> prompts) {
    LensFit.requireProcessing(lens, model);
    this.model = model;
    this.lens = lens;
    this.prompts = List.copyOf(prompts);
    int layers = model.config().layers();
    List<RunResult> runs =
        model.run(
            RunRequest.of(this.prompts).plan(HookPlan.reading(lens.site().hooks())).stopAt(layers));
    this.streams = new float[layers][];
    for (int layer = 0; layer < layers; layer++) {
      String hook = lens.site().hook(layer);
      streams[layer] = joined(runs.stream().map(run -> run.activation(hook).values()).toList());
    }
    this.finals = residuals(runs);
  }

  /** The stream that the lens reads at a layer, all prompts one after the other; lent. */
  public float[] rows(int layer) {
    return streams[layer];
  }

  /** What taking a subspace out does. */
  public Response measure(int layer, Subspace subspace, Ablation how, long seed) {
    float[] control = streams[layer];
    float[] treated = subspace.remove(control, how, seed);
    float[] response = run(layer, treated);
    float[] lensControl = lens.transform(layer, control);
    float[] lensTreated = lens.transform(layer, treated);
    int width = lens.width();
    int vocabulary = model.config().vocabulary();
    int count = control.length / width;
    int most = Math.max(1, CHUNK_FLOATS / vocabulary);
    Sums sums = new Sums(vocabulary);
    for (int from = 0; from < count; from += most) {
      int n = Math.min(most, count - from);
      float[] a = logits(lensControl, from, n);
      float[] b = logits(lensTreated, from, n);
      float[] c = logits(finals, from, n);
      float[] d = logits(response, from, n);
      for (int r = 0; r < n; r++) {
        sums.add(a, b, c, d, r * vocabulary);
      }
    }
    return sums.response();
  }

  private float[] logits(float[] rows, int from, int count) {
    int width = lens.width();
    float[] logits = new float[Math.multiplyExact(count, model.config().vocabulary())];
    model.unembed(Arrays.copyOfRange(rows, from * width, (from + count) * width), count, logits);
    return logits;
  }

  /** The stream behind the last block where a layer's stream is another one. */
  private float[] run(int layer, float[] rows) {
    int layers = model.config().layers();
    LensSite site = lens.site();
    List<float[]> parts = split(rows);
    RunRequest request = RunRequest.of(prompts);
    if (site == LensSite.RESID_MID) {
      HookPlan.Builder plan = HookPlan.builder();
      for (int s = 0; s < parts.size(); s++) {
        int[] shape = {prompts.get(s).length(), lens.width()};
        plan.replace(
            site.hook(layer), Selection.ALL.sequences(s), new Operation.Value(shape, parts.get(s)));
      }
      request = request.plan(plan.build());
    } else {
      request = request.startAt(site == LensSite.RESID_PRE ? layer : layer + 1, parts);
    }
    return residuals(model.run(request.stopAt(layers)));
  }

  private List<float[]> split(float[] rows) {
    List<float[]> parts = new ArrayList<>();
    int at = 0;
    for (Prompt prompt : prompts) {
      int size = prompt.length() * lens.width();
      parts.add(Arrays.copyOfRange(rows, at, at + size));
      at += size;
    }
    return parts;
  }

  private static float[] residuals(List<RunResult> runs) {
    return joined(runs.stream().map(r -> Objects.requireNonNull(r.residual())).toList());
  }

  static float[] joined(List<float[]> parts) {
    int size = parts.stream().mapToInt(p -> p.length).reduce(0, Math::addExact);
    float[] all = new float[size];
    int at = 0;
    for (float[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  /** Adds positions up. */
  private static final class Sums {
    private final double[] stimulus;
    private final double[] response;
    private final double[] weights;
    private double lensKl;
    private double modelKl;
    private double cosine;
    private int rows;
    private int cosines;

    Sums(int vocabulary) {
      stimulus = new double[vocabulary];
      response = new double[vocabulary];
      weights = new double[vocabulary];
    }

    /** A position: the lens's logits before and after, the model's before and after. */
    void add(float[] a, float[] b, float[] c, float[] d, int at) {
      int count = stimulus.length;
      double logA = LogProbabilities.logSum(a, at, count);
      double logB = LogProbabilities.logSum(b, at, count);
      double logC = LogProbabilities.logSum(c, at, count);
      double logD = LogProbabilities.logSum(d, at, count);
      for (int i = 0; i < count; i++) {
        stimulus[i] = (double) b[at + i] - a[at + i];
        response[i] = (double) d[at + i] - c[at + i];
        double before = Math.exp(c[at + i] - logC);
        weights[i] = (before + Math.exp(d[at + i] - logD)) / 2;
        lensKl += Math.exp(a[at + i] - logA) * (logB - logA - stimulus[i]);
        modelKl += before * (logD - logC - response[i]);
      }
      rows++;
      double similarity = Aitchison.similarity(stimulus, response, weights);
      if (!Double.isNaN(similarity)) {
        cosine += similarity;
        cosines++;
      }
    }

    Response response() {
      if (rows == 0) {
        throw new UsageException("alignment: expected at least one position, got none");
      }
      return new Response(
          Math.max(0, lensKl / rows),
          Math.max(0, modelKl / rows),
          cosines == 0 ? Double.NaN : cosine / cosines);
    }
  }
}
