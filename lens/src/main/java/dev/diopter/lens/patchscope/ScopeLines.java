package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.plotting.LineFigure;
import dev.diopter.lens.plotting.LinePlot;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Sweeps of several prompts as lines by layer: the mean over prompts of each number, with a band of
 * one standard deviation. Sweeps such as one and its controls are lines of one plot, all measured
 * by what the first sweep's sources say ({@link Controls}). Numbers that no cell has, as those by
 * the source between models of different vocabularies, have no line and no plot.
 */
public final class ScopeLines {
  private ScopeLines() {}

  /** A number of a cell; null where there is none. */
  private record Metric(String name, double most, Function<Reading, @Nullable Number> of) {}

  private static final List<Metric> METRICS =
      List.of(
          new Metric("precision at 1", 1, Reading::precisionAt1),
          new Metric(
              "surprisal of the source's best token, nats",
              Double.POSITIVE_INFINITY,
              Reading::surprisalOfSourceTop),
          new Metric(
              "surprisal of the best token here, nats",
              Double.POSITIVE_INFINITY,
              Reading::surprisalOfPatchedTop));

  /** What there always is. */
  private static final Metric CHANGE =
      new Metric(
          "KL from the unpatched target, nats", Double.POSITIVE_INFINITY, Reading::klFromUnpatched);

  /**
   * A figure of the precision at 1, both surprisals and the probability of each token that was
   * asked for, or, where there are none of them, of the divergence from the unpatched target.
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
      plot(metric, labels, sweeps, prompts).ifPresent(plots::add);
    }
    for (int i = 0; i < cells.getFirst().reading().tokens().size(); i++) {
      plot(asked(cells.getFirst(), i), labels, sweeps, prompts).ifPresent(plots::add);
    }
    if (plots.isEmpty()) {
      plots.add(plot(CHANGE, labels, sweeps, prompts).orElseThrow());
    }
    return new LineFigure(title, "source layer", plots);
  }

  private static Metric asked(Cell first, int i) {
    Model model = first.patch().target().model();
    String name = ScopeFigure.name(model, first.reading().tokens().get(i).id());
    return new Metric("probability of " + name, 1, r -> r.tokens().get(i).probability());
  }

  private static Optional<LinePlot> plot(
      Metric metric, List<String> labels, List<ScopeFigure.Panel> sweeps, int prompts) {
    List<LinePlot.Line> lines =
        sweeps.stream()
            .map(s -> line(s, labels.size(), prompts, metric))
            .filter(l -> LongStream.of(l.count()).sum() > 0)
            .toList();
    return lines.isEmpty()
        ? Optional.empty()
        : Optional.of(new LinePlot(metric.name, labels, lines, 0, metric.most));
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
      ScopeFigure.Panel sweep, int points, int prompts, Metric metric) {
    long[] count = new long[points];
    double[] mean = new double[points];
    double[] deviation = new double[points];
    for (int i = 0; i < points; i++) {
      Mean sum = new Mean();
      for (int p = 0; p < prompts; p++) {
        int at = p * points + i;
        Number number = metric.of.apply(sweep.cells().get(at).reading());
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
