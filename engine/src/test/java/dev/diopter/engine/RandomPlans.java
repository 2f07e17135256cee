package dev.diopter.engine;

import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Random values, selections and operations for property tests; everything follows from one seed.
 */
final class RandomPlans {
  static final Site[] SITES = {
    Site.EMBED,
    Site.RESID_PRE,
    Site.LN1_SCALE,
    Site.K_INPUT,
    Site.Q,
    Site.K,
    Site.Z,
    Site.ATTN_SCORES,
    Site.PATTERN,
    Site.POST
  };

  final Random random;
  final DecoderConfig config = PlanConfigs.LLAMA;

  RandomPlans(long seed) {
    random = new Random(seed);
  }

  int between(int low, int high) {
    return low + random.nextInt(high - low + 1);
  }

  /**
   * Some distinct numbers of {@code low..high - 1} in any order, some of them counted from {@code
   * end}; null for all.
   */
  int @Nullable [] numbers(int low, int high, int end) {
    if (random.nextInt(3) == 0) {
      return null;
    }
    List<Integer> all = new ArrayList<>();
    for (int i = low; i < high; i++) {
      all.add(i);
    }
    Collections.shuffle(all, random);
    return all.subList(0, between(1, all.size())).stream()
        .mapToInt(i -> i < end && random.nextInt(4) == 0 ? i - end : i)
        .toArray();
  }

  HookPoint point() {
    Site site = SITES[random.nextInt(SITES.length)];
    return site.inBlock()
        ? new HookPoint(site, random.nextInt(config.layers()))
        : HookPoint.of(site);
  }

  /** A selection that means something in a pass over one prompt. */
  Selection selection(HookPoint point, PromptSpan span) {
    Selection where = Selection.ALL;
    int[] positions = numbers(span.first(), span.end(), span.end());
    where = positions == null ? where : where.positions(positions);
    Axis axis = point.site().headAxis();
    int[] heads = axis == null ? null : numbers(0, axis.size(config), axis.size(config));
    where = heads == null ? where : where.heads(heads);
    if (point.site().overKeys()) {
      int[] keys = numbers(0, span.end(), span.end());
      where = keys == null ? where : where.keys(keys);
    }
    return where;
  }

  /** A tensor of all rows of a pass; masked cells hold what a pass puts there. */
  HostTensor tensor(HookPoint point, PromptSpan span, int sequence) {
    Axis axis = point.site().headAxis();
    int heads = axis == null ? 1 : axis.size(config);
    int inner = point.site().overKeys() ? span.end() : point.site().axes().getLast().size(config);
    int[] positions = new int[span.end() - span.first()];
    Arrays.setAll(positions, i -> span.first() + i);
    HostTensor tensor =
        new HostTensor(
            point,
            new float[positions.length * heads * inner],
            positions,
            heads,
            inner,
            sequence,
            77,
            0);
    for (int r = 0; r < positions.length; r++) {
      for (int h = 0; h < heads; h++) {
        for (int k = 0; k < inner; k++) {
          boolean exists = k < tensor.visible(r);
          tensor.values()[tensor.at(r, h) + k] =
              exists ? number() : point.site() == Site.ATTN_SCORES ? Float.NEGATIVE_INFINITY : 0;
        }
      }
    }
    return tensor;
  }

  float number() {
    return switch (random.nextInt(8)) {
      case 0 -> 0;
      case 1 -> -0.0f;
      default -> (float) random.nextGaussian();
    };
  }

  float[] numbers(int n) {
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = number();
    }
    return out;
  }

  /**
   * An operation whose array has a form that fits {@code [rows, heads, width]} or {@code [heads,
   * rows, width]}.
   */
  Operation operation(HookPoint point, int rows, int heads, int width) {
    boolean keys = point.site().overKeys();
    int[] shape =
        keys
            ? new int[] {heads, rows, width}
            : point.site().headAxis() == null
                ? new int[] {rows, width}
                : new int[] {rows, heads, width};
    Operation.Value whole = new Operation.Value(shape, numbers(rows * heads * width));
    Operation.Value vector = Operation.Value.of(numbers(width));
    Operation.Value either = random.nextBoolean() ? whole : vector;
    return switch (random.nextInt(keys ? 8 : 9)) {
      case 0 -> new Operation.Zero();
      case 1 -> new Operation.Scale(random.nextInt(4) == 0 ? 1 : (float) random.nextGaussian());
      case 2 -> new Operation.Replace(whole, false);
      case 3 -> new Operation.Replace(vector, true);
      case 4 -> new Operation.Add(either);
      case 5 ->
          new Operation.Interpolate(either, new float[] {0, 1, 0.25f, -0.5f}[random.nextInt(4)]);
      case 6 -> new Operation.Noise(random.nextInt(4) == 0 ? 0 : 0.5f, random.nextLong());
      case 7 -> keys ? new Operation.Knockout() : new Operation.Mean(whole);
      default -> {
        vector.data()[0] = 1;
        yield new Operation.ProjectOut(vector);
      }
    };
  }

  static HostTensor copy(HostTensor t) {
    return new HostTensor(
        t.point(),
        t.values().clone(),
        t.positions(),
        t.heads(),
        t.inner(),
        t.sequence(),
        t.sequenceKey(),
        t.step());
  }

  /** Some rows of a tensor as a tensor of their own, as a pass in chunks has them. */
  static HostTensor rows(HostTensor t, int from, int to) {
    int[] positions = Arrays.copyOfRange(t.positions(), from, to);
    int inner = t.overKeys() ? positions[positions.length - 1] + 1 : t.inner();
    HostTensor part =
        new HostTensor(
            t.point(),
            new float[positions.length * t.heads() * inner],
            positions,
            t.heads(),
            inner,
            t.sequence(),
            t.sequenceKey(),
            t.step());
    for (int r = from; r < to; r++) {
      for (int h = 0; h < t.heads(); h++) {
        System.arraycopy(t.values(), t.at(r, h), part.values(), part.at(r - from, h), inner);
      }
    }
    return part;
  }
}
