package dev.diopter.lens.patterns;

import dev.diopter.lens.pictures.PictureFormat;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which figures are drawn, and how.
 *
 * @param functions what draws
 * @param formats formats of the files; none for each function's own
 * @param force draw again what is there already
 * @param most only the first so many prompts; null for all
 * @param threads threads that draw
 */
public record FigureOptions(
    List<FigureFunction> functions,
    Set<PictureFormat> formats,
    boolean force,
    @Nullable Long most,
    int threads) {

  public FigureOptions {
    functions = List.copyOf(functions);
    formats = Set.copyOf(formats);
    RecorderOptions.require("threads", threads, 1, 1024);
  }

  /** These functions, each in its own format, on all cores. */
  public static FigureOptions of(List<FigureFunction> functions) {
    return new FigureOptions(
        functions, Set.of(), false, null, Runtime.getRuntime().availableProcessors());
  }

  /** In these formats. */
  public FigureOptions formats(Set<PictureFormat> wanted) {
    return new FigureOptions(functions, wanted, force, most, threads);
  }

  /** Drawing everything again or not. */
  public FigureOptions force(boolean wanted) {
    return new FigureOptions(functions, formats, wanted, most, threads);
  }

  /** Only for the first so many prompts. */
  public FigureOptions most(@Nullable Long wanted) {
    return new FigureOptions(functions, formats, force, wanted, threads);
  }

  /** With so many threads. */
  public FigureOptions threads(int wanted) {
    return new FigureOptions(functions, formats, force, most, wanted);
  }

  /** The formats of a function's files. */
  Set<PictureFormat> formatsOf(FigureFunction function) {
    return formats.isEmpty() ? Set.of(function.format()) : formats;
  }
}
