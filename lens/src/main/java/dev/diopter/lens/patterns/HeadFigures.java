package dev.diopter.lens.patterns;

import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.FormatException;
import dev.diopter.lens.pictures.PictureFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;

/**
 * The figures of one head of one prompt, in a folder of its own: {@code NAME.SUFFIX}, and where a
 * function failed {@code NAME.error.txt} with its message in place of it, until it does not fail
 * any more. Patterns with numbers that are none fail with every function.
 *
 * @param prompt the folder of the prompt
 * @param folder the folder of the head in it
 * @param options what to draw
 */
record HeadFigures(Path prompt, Path folder, FigureOptions options) {
  private static final String ERROR = ".error.txt";

  /** The figures of a head of a prompt. */
  static HeadFigures of(Path prompt, int layer, int head, FigureOptions options) {
    return new HeadFigures(prompt, folder(prompt, layer, head), options);
  }

  /** The folder of a head's figures. */
  static Path folder(Path prompt, int layer, int head) {
    return prompt.resolve("L" + layer).resolve("H" + head);
  }

  /** Whether a file of a head's folder is a figure or the error of one, by its name. */
  static boolean isFigure(String file) {
    for (PictureFormat format : PictureFormat.values()) {
      if (file.endsWith("." + format.suffix())) {
        return true;
      }
    }
    return file.endsWith(ERROR);
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
      Path file = folder.resolve(name + "." + format.suffix());
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Draws what is missing, or all of a pattern whose numbers are none: what is there cannot be
   * right. A link in place of a figure is replaced. An {@link Error} of a function is passed on
   * once its reason is written; nothing of that figure is.
   *
   * @throws FormatException where the folder, or one of the two above it, is a link
   */
  void draw(AttentionPattern pattern, String what, Tally tally) {
    PatternStore.requireOwn(prompt);
    PatternStore.requireOwn(prompt.resolve("L" + pattern.layer()));
    PatternStore.requireOwn(folder);
    // In a new folder there is nothing to look for.
    boolean used = !PatternStore.create(folder);
    boolean finite = pattern.isFinite();
    for (FigureFunction function : options.functions()) {
      boolean failed = false;
      for (PictureFormat format : options.formatsOf(function)) {
        if (used && finite && isThere(function, format)) {
          tally.skipped(1);
        } else if (!draw(function, format, pattern, what, tally)) {
          failed = true;
        }
      }
      if (used && !failed) {
        remove(function.name() + ERROR, "an old error file");
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
      pattern.requireFinite();
      files = DrawnFigure.draw(function, format, pattern);
    } catch (Exception e) { // Whatever a function throws concerns its figure alone.
      tally.failed(what + " " + function.name(), leaveReason(function, format, e));
      return false;
    } catch (Error e) { // It may concern the whole program: the run ends.
      leaveReason(function, format, e);
      throw e;
    }
    files.forEach((name, bytes) -> write(name + "." + format.suffix(), bytes));
    tally.done(1);
    return true;
  }

  /** The reason in place of the figure: an older one would pass for this pattern's. */
  private String leaveReason(FigureFunction function, PictureFormat format, Throwable e) {
    String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    for (String name : DrawnFigure.names(function)) {
      remove(name + "." + format.suffix(), "an old figure");
    }
    write(function.name() + ERROR, reason.getBytes(StandardCharsets.UTF_8));
    return reason;
  }

  private void write(String name, byte[] content) {
    Path file = folder.resolve(name);
    PatternStore.removeLink(file);
    AtomicFile.write(file, content);
  }

  private void remove(String name, String what) {
    try {
      Files.deleteIfExists(folder.resolve(name));
    } catch (IOException e) {
      throw new FormatException(folder + ": " + what + " cannot be removed", e);
    }
  }
}
