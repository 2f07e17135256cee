package dev.diopter.lens.patterns;

import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.FormatException;
import dev.diopter.lens.pictures.PictureFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The figures of one head of one prompt, in a folder of its own: {@code NAME.SUFFIX}, and where a
 * function failed {@code NAME.error.txt} with its message, until it does not fail any more.
 *
 * @param folder the folder
 * @param options what to draw
 */
record HeadFigures(Path folder, FigureOptions options) {
  private static final String ERROR = ".error.txt";

  /** The figures of a head of a prompt. */
  static HeadFigures of(Path prompt, int layer, int head, FigureOptions options) {
    return new HeadFigures(folder(prompt, layer, head), options);
  }

  /** The folder of a head's figures. */
  static Path folder(Path prompt, int layer, int head) {
    return prompt.resolve("L" + layer).resolve("H" + head);
  }

  /** Figures that are to be drawn. */
  int missing() {
    int missing = 0;
    for (FigureFunction function : options.functions()) {
      for (PictureFormat format : options.formatsOf(function)) {
        missing += isThere(function, format) ? 0 : 1;
      }
    }
    return missing;
  }

  /** A failed figure is not there: only the figure's own files count. */
  private boolean isThere(FigureFunction function, PictureFormat format) {
    if (options.force()) {
      return false;
    }
    for (String name : DrawnFigure.names(function)) {
      if (!Files.isRegularFile(folder.resolve(name + "." + format.suffix()))) {
        return false;
      }
    }
    return true;
  }

  /** Draws what is missing. */
  void draw(AttentionPattern pattern, String what, Tally tally) {
    PatternStore.create(folder);
    for (FigureFunction function : options.functions()) {
      boolean failed = false;
      for (PictureFormat format : options.formatsOf(function)) {
        if (isThere(function, format)) {
          tally.skipped(1);
        } else if (!draw(function, format, pattern, what, tally)) {
          failed = true;
        }
      }
      if (!failed) {
        forgetError(function);
      }
    }
  }

  private boolean draw(
      FigureFunction function,
      PictureFormat format,
      AttentionPattern pattern,
      String what,
      Tally tally) {
    Map<String, byte[]> files;
    try {
      files = DrawnFigure.draw(function, format, pattern);
    } catch (Exception e) { // Whatever a function throws concerns its figure alone.
      String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      AtomicFile.write(
          folder.resolve(function.name() + ERROR),
          out -> out.write(reason.getBytes(StandardCharsets.UTF_8)));
      tally.failed(what + " " + function.name(), reason);
      return false;
    }
    files.forEach((name, bytes) ->
        AtomicFile.write(folder.resolve(name + "." + format.suffix()), out -> out.write(bytes)));
    tally.done(1);
    return true;
  }

  private void forgetError(FigureFunction function) {
    try {
      Files.deleteIfExists(folder.resolve(function.name() + ERROR));
    } catch (IOException e) {
      throw new FormatException(folder + ": an old error file cannot be removed", e);
    }
  }
}
