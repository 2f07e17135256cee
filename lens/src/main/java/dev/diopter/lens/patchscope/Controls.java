package dev.diopter.lens.patchscope;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.UsageException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * What a patch is to be compared with: whatever a control shows, too, is not what the vector says.
 * Controls are measured by the source of their patch ({@link Patch#measure}), wherever their own
 * vectors are from, so that their numbers and the patch's are of one kind.
 */
public final class Controls {
  private Controls() {}

  /** The target as it is: its own vectors at the places that are written. */
  public static Patch unpatched(Patch patch) {
    Target target = patch.target();
    Source own =
        new Source(
            target.model(), target.input(), target.positions(), target.layer(), target.heads());
    return Patch.of(own, target.schedule(Schedule.PROMPT)).measuredBy(patch.measure());
  }

  /**
   * The same patches with vectors of a source that is not theirs: real vectors of the same layers,
   * which say nothing of what the patch is about. Where patches have several source inputs, each
   * gets another patch's input, its positions resolved there. Where they have one, each position
   * gets the vector of another position of it; a BOS id in front, whose vectors are like no others,
   * stays in its place if there are two positions behind it. No input or position keeps its own.
   *
   * @param seed decides which goes where; the same for every patch
   * @throws UsageException where a single input has a single position
   */
  public static List<Patch> shuffled(List<Patch> patches, long seed) {
    List<Input> inputs = patches.stream().map(p -> p.source().input()).distinct().toList();
    if (inputs.size() > 1) {
      int[] others = cycle(0, inputs.size(), seed);
      return patches.stream()
          .map(p -> {
            int own = inputs.indexOf(p.source().input());
            return p.source(p.source().with(inputs.get(others[own]))).measuredBy(p.measure());
          })
          .toList();
    }
    if (patches.isEmpty()) {
      return List.of();
    }
    Source source = patches.getFirst().source();
    int length = source.input().length();
    int first = opens(source.model(), source.input()) && length > 2 ? 1 : 0;
    if (length - first < 2) {
      throw new UsageException(
          "shuffled: expected a source of two positions or more, or several sources, got one position");
    }
    int[] others = cycle(first, length, seed);
    return patches.stream()
        .map(p -> p.source(elsewhere(p.source(), others)).measuredBy(p.measure()))
        .toList();
  }

  /** Whether there is a BOS id in front, whose vectors are like no others. */
  private static boolean opens(Model model, Input input) {
    Integer bos = model.config().bosId();
    return bos != null && !input.soft() && input.prompt().ids()[0] == bos;
  }

  private static Source elsewhere(Source source, int[] others) {
    int[] at = source.positions().resolve(source.input(), source.model(), "source");
    return source.at(Arrays.stream(at).map(p -> others[p]).toArray());
  }

  /** One cycle through the numbers from first on, so that none stays; those below it do. */
  private static int[] cycle(int first, int end, long seed) {
    int[] order = IntStream.range(0, end).toArray();
    Random random = new Random(seed);
    for (int i = end - 1; i > first; i--) {
      int j = first + random.nextInt(i - first);
      int x = order[i];
      order[i] = order[j];
      order[j] = x;
    }
    return order;
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
   * of any vector of the same layer, and then goes on as another mapping. A BOS id in front with
   * anything behind it is left out: its vectors are many times as long as all others, so the mean
   * would be theirs. It reads the residual stream of every layer in one pass for each input, now.
   */
  public static Mapping mean(Source source, List<Input> inputs, Mapping then) {
    int layers = source.model().config().layers();
    int width = source.model().config().width();
    Map<Integer, double[]> sums = new HashMap<>();
    long count = 0;
    String last = Slots.residual(layers, layers);
    for (Input input : inputs) {
      HookPlan plan =
          input
              .embedding()
              .and(
                  HookPlan.reading(
                      "blocks.*.hook_resid_pre",
                      last,
                      Slots.residual(Mapping.Route.FINAL, layers)));
      RunResult run =
          source
              .model()
              .run(RunRequest.of(input.prompt()).plan(plan).logits(Logits.NONE))
              .getFirst();
      int first = opens(source.model(), input) && input.length() > 1 ? 1 : 0;
      count += input.length() - first;
      for (int e = 0; e <= layers + 1; e++) {
        int entry = e <= layers ? e : Mapping.Route.FINAL;
        float[] values = run.activation(Slots.residual(entry, layers)).values();
        double[] sum = sums.computeIfAbsent(entry, _ -> new double[width]);
        for (int i = first * width; i < values.length; i++) {
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
        throw new UsageException(
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
