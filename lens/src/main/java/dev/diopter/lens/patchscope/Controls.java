package dev.diopter.lens.patchscope;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * What a patch is to be compared with: whatever a control shows, too, is not what the vector says.
 */
public final class Controls {
  private Controls() {}

  /** The target as it is: its own vectors at the places that are written. */
  public static Patch unpatched(Patch patch) {
    Target target = patch.target();
    Source own =
        new Source(
            target.model(), target.input(), target.positions(), target.layer(), target.heads());
    return Patch.of(own, target.schedule(Schedule.PROMPT));
  }

  /**
   * A mapping that puts the numbers of a vector in an order drawn from a seed: as long as the
   * vector, and made of the same numbers, but of no meaning.
   */
  public static Mapping shuffle(long seed) {
    return Mapping.of(
        "shuffle:" + seed,
        vector -> {
          float[] out = vector.clone();
          Random random = new Random(seed);
          for (int i = out.length - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            float x = out[i];
            out[i] = out[j];
            out[j] = x;
          }
          return out;
        });
  }

  /**
   * A mapping that puts the mean vector of some inputs, over all of their positions, in the place
   * of any vector of the same layer, and then goes on as another mapping. It reads the residual
   * stream of every layer in one pass for each input, now.
   */
  public static Mapping mean(Source source, List<Input> inputs, Mapping then) {
    int layers = source.model().config().layers();
    int width = source.model().config().width();
    Map<Integer, double[]> sums = new HashMap<>();
    long count = 0;
    String last = Slots.residual(layers, layers);
    for (Input input : inputs) {
      HookPlan plan = input.embedding().and(HookPlan.reading("blocks.*.hook_resid_pre", last));
      RunResult run =
          source
              .model()
              .run(RunRequest.of(input.prompt()).plan(plan).logits(Logits.NONE))
              .getFirst();
      count += input.length();
      for (int entry = 0; entry <= layers; entry++) {
        float[] values = run.activation(Slots.residual(entry, layers)).values();
        double[] sum = sums.computeIfAbsent(entry, _ -> new double[width]);
        for (int i = 0; i < values.length; i++) {
          sum[i % width] += values[i];
        }
      }
    }
    Map<Integer, float[]> means = new HashMap<>();
    for (Map.Entry<Integer, double[]> sum : sums.entrySet()) {
      float[] mean = new float[width];
      for (int i = 0; i < width; i++) {
        mean[i] = (float) (sum.getValue()[i] / count);
      }
      means.put(sum.getKey(), mean);
    }
    return new MeanMapping(means, width).then(then);
  }

  private record MeanMapping(Map<Integer, float[]> means, int width) implements Mapping {
    @Override
    public String name() {
      return "mean";
    }

    @Override
    public int width(int given, Route route) {
      if (given != width) {
        throw new dev.diopter.engine.UsageException(
            "mean: expected vectors of the residual stream, %d numbers, got %d"
                .formatted(width, given));
      }
      return width;
    }

    @Override
    public float[] apply(float[] vector, Route route) {
      return java.util.Objects.requireNonNull(means.get(route.sourceEntry())).clone();
    }
  }
}
