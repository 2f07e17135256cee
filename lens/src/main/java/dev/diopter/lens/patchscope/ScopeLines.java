package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;
import dev.diopter.lens.plotting.LineFigure;
import dev.diopter.lens.plotting.LinePlot;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Sweeps of several prompts as lines by layer: the mean over prompts of each number, with a band of
 * one standard deviation. Sweeps such as one and its controls are lines of one plot, all measured
 * by what the first sweep's sources say; where a control has sources of its own, which is so of the
 * target as it is, surprisals by the first's are not known and have no line.
 */
public final class ScopeLines {
  private ScopeLines() {}

  /** A number of a sweep's cell beside the first sweep's; null where there is none. */
  private record Metric(String name, double most, BiFunction<Cell, Cell, @Nullable Number> of) {}

  private static final List<Metric> METRICS =
      List.of(
          new Metric("precision at 1", 1, ScopeLines::precision),
          new Metric(
              "surprisal of the source's best token, nats",
              Double.POSITIVE_INFINITY,
              sameSource(Reading::surprisalOfSourceTop)),
          new Metric(
              "surprisal of the best token here, nats",
              Double.POSITIVE_INFINITY,
              sameSource(Reading::surprisalOfPatchedTop)));

  private static @Nullable Number precision(Cell first, Cell own) {
    Integer truth = first.reading().sourceTop();
    List<Reading.Candidate> top = own.reading().top();
    if (truth == null || top.isEmpty()) {
      return own.reading().precisionAt1();
    }
    return top.getFirst().id() == truth ? 1 : 0;
  }

  private static BiFunction<Cell, Cell, @Nullable Number> sameSource(
      Function<Reading, @Nullable Double> of) {
    return (first, own) -> {
      boolean same = first.patch().source().input().equals(own.patch().source().input());
      return same ? of.apply(own.reading()) : null;
    };
  }

  /**
   * A figure of the precision at 1 and both surprisals.
   *
   * @param title above it
   * @param sweeps the cells of the first prompt, then those of the second and so on
   * @param prompts how many prompts there are
   * @throws UsageException where a prompt's cells do not each have a source layer of their own
   */
  public static LineFigure of(String title, List<ScopeFigure.Panel> sweeps, int prompts) {
    List<Cell> cells = sweeps.getFirst().cells();
    if (prompts < 1 || cells.isEmpty() || cells.size() % prompts != 0) {
      throw new UsageException(
          "lines: expected %d prompts with equally many cells, got %d cells"
              .formatted(prompts, cells.size()));
    }
    int points = cells.size() / prompts;
    requireLine(cells.stream().map(Cell::patch).toList(), prompts);
    List<String> labels =
        cells.subList(0, points).stream().map(c -> Slots.label(c.route().sourceEntry())).toList();
    List<LinePlot> plots = new ArrayList<>();
    for (Metric metric : METRICS) {
      List<LinePlot.Line> lines =
          sweeps.stream()
              .map(s -> line(s, sweeps.getFirst(), points, prompts, metric))
              .filter(l -> sweeps.size() == 1 || LongStream.of(l.count()).sum() > 0)
              .toList();
      plots.add(new LinePlot(metric.name, labels, lines, 0, metric.most));
    }
    return new LineFigure(title, "source layer", plots);
  }

  /**
   * Fails where the patches of a prompt cannot be the points of a line.
   *
   * @param patches those of the first prompt, then those of the second and so on
   * @throws UsageException where a prompt's patches do not each have a source layer of their own
   */
  public static void requireLine(List<Patch> patches, int prompts) {
    int points = patches.size() / prompts;
    long layers =
        patches.subList(0, points).stream().map(p -> p.source().layer()).distinct().count();
    if (layers != points) {
      throw new UsageException(
          "lines over prompts: expected one patch for each source layer, as with a diagonal, pairs or one target layer, got %d for %d layers"
              .formatted(points, layers));
    }
  }

  private static LinePlot.Line line(
      ScopeFigure.Panel sweep, ScopeFigure.Panel first, int points, int prompts, Metric metric) {
    long[] count = new long[points];
    double[] mean = new double[points];
    double[] deviation = new double[points];
    for (int i = 0; i < points; i++) {
      Mean sum = new Mean();
      for (int p = 0; p < prompts; p++) {
        int at = p * points + i;
        Number number = metric.of.apply(first.cells().get(at), sweep.cells().get(at));
        if (number != null) {
          sum.add(number.doubleValue());
        }
      }
      count[i] = sum.count();
      mean[i] = sum.mean();
      deviation[i] = sum.deviation();
    }
    return new LinePlot.Line(sweep.name(), count, mean, deviation);
  }
}
