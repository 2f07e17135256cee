package dev.diopter.lens.plotting;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A statistic with its colours decided.
 *
 * @param statistic what is drawn
 * @param z what decides the colours, [row][position]: the values or their logarithms
 * @param zmin where the colours start
 * @param zmax where they end
 * @param colors the colours
 * @param logScale whether z are logarithms to the base 10
 * @param ticks where the colour bar has numbers
 * @param tickTexts what they are
 * @param colorbarTitle what the colours are
 * @param showText whether cells have their labels
 */
public record Heatmap(
    TrajectoryStatistic statistic,
    double[][] z,
    double zmin,
    double zmax,
    ColorStops colors,
    boolean logScale,
    List<Double> ticks,
    List<String> tickTexts,
    String colorbarTitle,
    boolean showText) {
  private static final int TICKS = 5;

  static Heatmap of(TrajectoryStatistic statistic, HeatmapOptions options) {
    double[] range = {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
    double smallestPositive = Double.POSITIVE_INFINITY;
    for (double[] row : statistic.stats()) {
      for (double x : row) {
        if (Double.isFinite(x)) {
          range[0] = Math.min(range[0], x);
          range[1] = Math.max(range[1], x);
          smallestPositive = x > 0 ? Math.min(smallestPositive, x) : smallestPositive;
        }
      }
    }
    double low = first(options.zmin(), statistic.min(), range[0]);
    double high = first(options.zmax(), statistic.max(), range[1]);
    if (!Double.isFinite(low) || !Double.isFinite(high)) {
      low = 0;
      high = 1;
    }
    double[][] z = statistic.stats();
    if (options.logScale()) {
      // Zero has no logarithm: what is not above it stands with the smallest that is.
      double floor = low > 0 ? low : Math.min(smallestPositive, high > 0 ? high : 1);
      low = Math.log10(floor);
      high = high > 0 ? Math.log10(high) : low;
      z = logarithms(statistic.stats(), floor);
    }
    List<Double> ticks = options.logScale() ? powers(low, high) : even(low, high);
    return new Heatmap(
        statistic,
        z,
        low,
        high,
        options.colorscale(),
        options.logScale(),
        ticks,
        ticks.stream().map(t -> options.logScale() ? power(t) : number(t)).toList(),
        options.colorbarTitle() == null ? title(statistic) : options.colorbarTitle(),
        options.showText());
  }

  private static double first(@Nullable Double one, @Nullable Double two, double three) {
    return one != null ? one : two != null ? two : three;
  }

  private static String title(TrajectoryStatistic statistic) {
    String units = statistic.units();
    return units == null || units.isEmpty()
        ? statistic.name()
        : "%s (%s)".formatted(statistic.name(), units);
  }

  private static double[][] logarithms(double[][] values, double floor) {
    double[][] logs = new double[values.length][];
    for (int row = 0; row < logs.length; row++) {
      logs[row] = new double[values[row].length];
      for (int i = 0; i < logs[row].length; i++) {
        double x = values[row][i];
        logs[row][i] = Math.log10(x > 0 || Double.isNaN(x) ? x : floor);
      }
    }
    return logs;
  }

  private static List<Double> powers(double low, double high) {
    List<Double> ticks = new ArrayList<>();
    for (double power = Math.ceil(low); power <= Math.floor(high); power++) {
      ticks.add(power + 0.0);
    }
    return ticks;
  }

  private static String power(double tick) {
    return String.format(Locale.ROOT, "10^%.1f", tick);
  }

  private static List<Double> even(double low, double high) {
    List<Double> ticks = new ArrayList<>();
    for (int i = 0; i < TICKS && high > low; i++) {
      ticks.add(low + i * (high - low) / (TICKS - 1));
    }
    return ticks.isEmpty() ? List.of(low) : ticks;
  }

  /** A number with about three digits. */
  static String number(double value) {
    if (Double.isNaN(value)) {
      return "none";
    }
    double size = Math.abs(value);
    if (value == Math.rint(value) && size < 1e6) {
      return Long.toString((long) value);
    }
    return size >= 1e6 || size < 1e-3
        ? String.format(Locale.ROOT, "%.2e", value)
        : String.format(Locale.ROOT, size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : "%.3f", value);
  }

  /**
   * Where a cell lies between the ends of the colours, 0 to 1; not-a-number where it has no value.
   */
  public double share(int row, int position) {
    double value = z[row][position];
    if (Double.isNaN(value)) {
      return Double.NaN;
    }
    return zmax > zmin ? Math.clamp((value - zmin) / (zmax - zmin), 0.0, 1.0) : 0.5;
  }

  int rows() {
    return z.length;
  }

  int positions() {
    return z[0].length;
  }

  String layer(int row) {
    return statistic.layerLabels()[row];
  }

  /** The label of a position; its number where there is none. */
  String sequence(int position) {
    String[] labels = statistic.sequenceLabels();
    return labels == null ? Integer.toString(position) : labels[position];
  }

  /** What stands in a cell; empty for nothing. */
  String text(int row, int position) {
    TrajectoryLabels labels = statistic.trajectoryLabels();
    return labels == null || !showText ? "" : labels.labelStrings()[row][position];
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Heatmap h
        && statistic.equals(h.statistic)
        && zmin == h.zmin
        && zmax == h.zmax
        && colors.equals(h.colors)
        && logScale == h.logScale
        && colorbarTitle.equals(h.colorbarTitle);
  }

  @Override
  public int hashCode() {
    return statistic.hashCode();
  }
}
