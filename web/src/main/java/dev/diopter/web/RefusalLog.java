package dev.diopter.web;

import dev.diopter.formats.OneLine;
import java.util.function.Consumer;

/** One line for each request that was refused, whatever was in it. Thread safe. */
final class RefusalLog {
  private final Consumer<String> lines;

  RefusalLog(Consumer<String> lines) {
    this.lines = lines;
  }

  synchronized void add(int status, String method, String path, String reason) {
    lines.accept(
        "refused %d %s %s: %s"
            .formatted(status, OneLine.brief(method), OneLine.name(path), OneLine.brief(reason)));
  }
}
