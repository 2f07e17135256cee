package dev.diopter.lens.tuned.training;

import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.OneLine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * One line a step in {@code log.csv}: step, tokens so far, learning rate, norm of the gradient,
 * loss of each layer in nats. It holds no times, so that a run that was killed and resumed leaves
 * the same file as one that was not.
 */
final class TrainingLog {
  private static final Pattern ROW = Pattern.compile("([0-9]{1,9}),.*");

  private final Path file;

  private TrainingLog(Path file) {
    this.file = file;
  }

  /** Keeps the lines of the first steps of an earlier run and drops what is behind them. */
  static TrainingLog open(Path file, int steps, int layers) {
    List<String> lines = new ArrayList<>();
    StringBuilder header = new StringBuilder("step,tokens,learning_rate,gradient_norm");
    for (int layer = 0; layer < layers; layer++) {
      header.append(",loss_").append(layer);
    }
    lines.add(header.toString());
    if (steps > 0) {
      keep(file, steps, lines);
    }
    Path folder = file.toAbsolutePath().getParent();
    try {
      if (folder != null) {
        Files.createDirectories(folder);
      }
    } catch (IOException e) {
      throw new FormatException(folder + ": cannot be made: " + OneLine.reason(e), e);
    }
    AtomicFile.write(
        file, out -> out.write((String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8)));
    return new TrainingLog(file);
  }

  private static void keep(Path file, int steps, List<String> lines) {
    if (!Files.isRegularFile(file)) {
      return;
    }
    try {
      for (String line : Files.readAllLines(file)) {
        var row = ROW.matcher(line);
        if (row.matches() && Integer.parseInt(row.group(1)) <= steps) {
          lines.add(line);
        }
      }
    } catch (IOException e) {
      throw FormatException.unreadable(file.toString(), e);
    }
  }

  /** Adds a line. */
  void add(TrainingStep step) {
    StringBuilder line = new StringBuilder();
    line.append(step.step()).append(',').append(step.tokens());
    line.append(',').append(step.learningRate()).append(',').append(step.gradientNorm());
    for (double loss : step.losses()) {
      line.append(',').append(loss);
    }
    try {
      Files.writeString(
          file, line.append('\n'), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new FormatException(
          "%s: cannot be written: %s; checkpoints so far are whole: make room and start again"
              .formatted(file, OneLine.reason(e)),
          e);
    }
  }
}
