package dev.diopter.lens.tuned.training;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.LensSite;
import java.util.List;

/**
 * The residual streams of some sequences at all layers, from one pass of the model.
 *
 * @param rows how many rows there are together
 * @param layers rows of each layer's site, [rows, width] each
 * @param finals rows of the stream behind the last block, [rows, width], for the model's own
 *     predictions
 * @param ids the sequences' tokens, one after the other
 */
record Streams(int rows, float[][] layers, float[] finals, int[] ids) {

  /** Runs the model over sequences of one length, as many parts of them at a time as threads. */
  static Streams of(Model model, LensSite site, List<int[]> sequences, Threads threads) {
    int layers = model.config().layers();
    int width = model.config().width();
    int length = sequences.getFirst().length;
    int rows = Math.multiplyExact(sequences.size(), length);
    Streams streams =
        new Streams(
            rows,
            new float[layers][Math.multiplyExact(rows, width)],
            new float[rows * width],
            new int[rows]);
    int parts = Math.min(threads.count(), sequences.size());
    threads.forEach(
        parts,
        part ->
            streams.read(
                model,
                site,
                sequences,
                sequences.size() * part / parts,
                sequences.size() * (part + 1) / parts));
    return streams;
  }

  private void read(Model model, LensSite site, List<int[]> sequences, int from, int to) {
    int width = model.config().width();
    List<Prompt> prompts = sequences.subList(from, to).stream().map(Prompt::ofIds).toList();
    List<RunResult> results =
        model.run(
            RunRequest.of(prompts).plan(HookPlan.reading(site.hooks())).stopAt(layers.length));
    for (int s = from; s < to; s++) {
      RunResult result = results.get(s - from);
      int at = s * sequences.get(s).length;
      for (int layer = 0; layer < layers.length; layer++) {
        float[] values = result.activation(site.hook(layer)).values();
        System.arraycopy(values, 0, layers[layer], at * width, values.length);
      }
      float[] residual = java.util.Objects.requireNonNull(result.residual());
      System.arraycopy(residual, 0, finals, at * width, residual.length);
      System.arraycopy(sequences.get(s), 0, ids, at, sequences.get(s).length);
    }
  }

  /**
   * The same with each row's target {@code shift} positions further on (or back, where it is
   * negative) in its sequence; rows without one are left out.
   *
   * @param length of each sequence
   */
  Streams shifted(int shift, int length) {
    if (shift == 0) {
      return this;
    }
    int width = finals.length / rows;
    int sequences = rows / length;
    int kept = length - Math.abs(shift);
    int predict = Math.max(0, -shift);
    int target = Math.max(0, shift);
    float[][] shifted = new float[layers.length][];
    for (int layer = 0; layer < layers.length; layer++) {
      shifted[layer] = cut(layers[layer], sequences, length, predict, kept, width);
    }
    int[] labels = new int[sequences * kept];
    for (int s = 0; s < sequences; s++) {
      System.arraycopy(ids, s * length + target, labels, s * kept, kept);
    }
    return new Streams(
        sequences * kept, shifted, cut(finals, sequences, length, target, kept, width), labels);
  }

  /**
   * Fails where no position has a target.
   *
   * @param length of each sequence
   */
  static void requireShift(int shift, int length) {
    if (Math.abs((long) shift) >= length) {
      throw new UsageException(
          "token shift: expected fewer than the %d positions of a chunk, got %d; give a smaller --token-shift or a larger --max-length"
              .formatted(length, shift));
    }
  }

  private static float[] cut(
      float[] from, int sequences, int length, int start, int kept, int width) {
    float[] out = new float[sequences * kept * width];
    for (int s = 0; s < sequences; s++) {
      System.arraycopy(from, (s * length + start) * width, out, s * kept * width, kept * width);
    }
    return out;
  }
}
