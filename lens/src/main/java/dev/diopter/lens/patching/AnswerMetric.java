package dev.diopter.lens.patching;

import dev.diopter.engine.UsageException;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** A metric that looks at certain ids. */
record AnswerMetric(PatchMetric metric, List<Integer> ids) implements PatchMetric {
  @Override
  public ToDoubleFunction<float[]> measure(float[] clean, float[] corrupt) {
    return metric.measure(clean, corrupt);
  }

  @Override
  public void requireFits(int vocabulary) {
    for (int id : ids) {
      if (id < 0 || id >= vocabulary) {
        throw new UsageException(
            "answer: expected a token id from 0 to %d, got %d".formatted(vocabulary - 1, id));
      }
    }
  }
}
