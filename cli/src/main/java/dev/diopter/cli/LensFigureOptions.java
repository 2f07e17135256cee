package dev.diopter.cli;

import dev.diopter.engine.UsageException;
import dev.diopter.lens.plotting.ColorStops;
import dev.diopter.lens.plotting.Figure;
import dev.diopter.lens.plotting.Heatmap;
import dev.diopter.lens.plotting.HeatmapOptions;
import dev.diopter.lens.plotting.TrajectoryStatistic;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A figure of statistics, and how it looks. */
final class LensFigureOptions {
  @Option(
      names = "--figure",
      paramLabel = "FILE",
      description =
          "Draw the statistics: .html (with hover), .svg, .svgz, .png, or .plotly.json for"
              + " notebooks. May be given several times.")
  private List<Path> figures = List.of();

  @Option(
      names = "--title",
      paramLabel = "TEXT",
      description = "The figure's title; lens and model unless given.")
  private @Nullable String title;

  @Option(
      names = "--color-scale",
      paramLabel = "NAME",
      description = "Plotly's name, _r behind it for the reverse: rdbu_r (default), viridis, ...")
  private String colors = "rdbu_r";

  @Option(names = "--log-scale", description = "Colours by logarithms.")
  private boolean logScale;

  @Option(
      names = "--token-width",
      paramLabel = "PIXELS",
      description = "Width of a position in pictures; 80 unless given.")
  private int tokenWidth = Figure.TOKEN_WIDTH;

  /** Fails where a figure cannot be drawn; before a model is loaded. */
  void validate() {
    ColorStops.named(colors);
    if (tokenWidth < 1 || tokenWidth > 1000) {
      throw new UsageException("--token-width: expected 1 to 1000, got " + tokenWidth);
    }
    for (Path figure : figures) {
      Figure.requireSuffix(figure);
      ResultFile.requireWritable(figure);
    }
  }

  /** Draws what was asked for. */
  void write(String defaultTitle, List<TrajectoryStatistic> statistics, OutputOptions output) {
    if (figures.isEmpty()) {
      return;
    }
    HeatmapOptions options =
        HeatmapOptions.DEFAULT.colorscale(ColorStops.named(colors)).logScale(logScale);
    List<Heatmap> panels = statistics.stream().map(s -> s.heatmap(options)).toList();
    Figure figure = new Figure(title == null ? defaultTitle : title, panels, tokenWidth);
    for (Path file : figures) {
      figure.write(file);
      output.note("wrote " + file);
    }
  }
}
