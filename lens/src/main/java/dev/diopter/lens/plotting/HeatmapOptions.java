package dev.diopter.lens.plotting;

import org.jspecify.annotations.Nullable;

/**
 * How a statistic becomes a heatmap.
 *
 * @param colorscale the colours
 * @param logScale colours by logarithms to the base 10; what is not above 0 gets the lowest
 * @param zmin where the colours start, in the statistic's numbers; null for the statistic's own
 * @param zmax where they end; null for the statistic's own
 * @param colorbarTitle null for the statistic's name and units
 * @param showText whether cells have their labels
 */
public record HeatmapOptions(
    ColorStops colorscale,
    boolean logScale,
    @Nullable Double zmin,
    @Nullable Double zmax,
    @Nullable String colorbarTitle,
    boolean showText) {

  /** Red and blue, no logarithms, the statistic's own range and title, labels. */
  public static final HeatmapOptions DEFAULT =
      new HeatmapOptions(ColorStops.RDBU_R, false, null, null, null, true);

  /** With other colours. */
  public HeatmapOptions colorscale(ColorStops other) {
    return new HeatmapOptions(other, logScale, zmin, zmax, colorbarTitle, showText);
  }

  /** With or without logarithms. */
  public HeatmapOptions logScale(boolean log) {
    return new HeatmapOptions(colorscale, log, zmin, zmax, colorbarTitle, showText);
  }

  /** With a range of its own. */
  public HeatmapOptions range(@Nullable Double low, @Nullable Double high) {
    return new HeatmapOptions(colorscale, logScale, low, high, colorbarTitle, showText);
  }

  /** With another title of the colour bar. */
  public HeatmapOptions colorbarTitle(@Nullable String title) {
    return new HeatmapOptions(colorscale, logScale, zmin, zmax, title, showText);
  }

  /** With or without labels. */
  public HeatmapOptions showText(boolean show) {
    return new HeatmapOptions(colorscale, logScale, zmin, zmax, colorbarTitle, show);
  }
}
