package dev.diopter.lens.trajectory;

import dev.diopter.engine.Activation;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.Unembedding;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The streams of one sequence, and from them the logits of any row at some positions.
 *
 * @param unembedding the model's final norm and head
 * @param lens what reads the streams
 * @param ids the sequence
 * @param layers the stream of each layer, [position, width]
 * @param output the stream behind the last block; null where {@code logits} are given
 * @param logits the model's logits [position, vocabulary], which edits may have changed; null for
 *     those of {@code output}
 */
record Streams(
    Unembedding unembedding,
    Lens lens,
    int[] ids,
    List<float[]> layers,
    float @Nullable [] output,
    float @Nullable [] logits)
    implements LogitRows {

  /** Runs prompts with the same options as one batch. */
  static List<Streams> run(Model model, Lens lens, List<Prompt> prompts, HookPlan edits) {
    int last = model.config().layers() - 1;
    String end = "blocks.%d.hook_resid_post".formatted(last);
    HookPlan plan = edits.and(HookPlan.reading(lens.site().hooks(), end));
    // Edits may act behind the last block, where only the run itself knows the logits.
    Logits rows = edits.edits().isEmpty() ? Logits.NONE : Logits.ALL;
    List<RunResult> runs = model.run(RunRequest.of(prompts).plan(plan).logits(rows));
    Unembedding unembedding = new Unembedding(model);
    List<Streams> streams = new ArrayList<>();
    for (RunResult run : runs) {
      List<float[]> layers = new ArrayList<>();
      for (int layer = 0; layer <= last; layer++) {
        Activation stream = run.activation(lens.site().hook(layer));
        layers.add(stream.values());
      }
      streams.add(
          new Streams(
              unembedding,
              lens,
              run.ids(),
              layers,
              run.activation(end).values(),
              edits.edits().isEmpty() ? null : run.logits()));
    }
    return streams;
  }

  /** Streams from elsewhere. */
  static Streams given(
      Unembedding unembedding, Lens lens, int[] ids, List<float[]> layers, float[] output) {
    if (layers.size() != lens.layers()) {
      throw new UsageException(
          "expected a stream for each of %d layers, got %d"
              .formatted(lens.layers(), layers.size()));
    }
    int size = Math.multiplyExact(ids.length, lens.width());
    List<float[]> all = new ArrayList<>(layers);
    all.add(output);
    for (float[] stream : all) {
      if (ids.length == 0 || stream.length != size) {
        throw new UsageException(
            "expected streams of %d x %d numbers, got one of %d"
                .formatted(ids.length, lens.width(), stream.length));
      }
    }
    return new Streams(unembedding, lens, ids, List.copyOf(layers), output, null);
  }

  @Override
  public String kind() {
    return lens.kind();
  }

  @Override
  public LensSite site() {
    return lens.site();
  }

  @Override
  public int vocabulary() {
    return unembedding.vocabulary();
  }

  @Override
  public int rows() {
    return layers.size() + 1;
  }

  @Override
  public void logits(int row, int from, int to, float[] into) {
    int width = lens.width();
    if (row < layers.size()) {
      float[] part = Arrays.copyOfRange(layers.get(row), from * width, to * width);
      unembedding.into(lens.transform(row, part), into);
    } else if (logits != null) {
      System.arraycopy(logits, from * vocabulary(), into, 0, (to - from) * vocabulary());
    } else if (output != null) {
      unembedding.into(Arrays.copyOfRange(output, from * width, to * width), into);
    }
  }
}
