package dev.diopter.cli;

import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A buffered printer that remembers what went wrong; {@link PrintStream} alone only remembers that
 * something did.
 */
final class Output {
  final PrintStream printer;
  private final Watched watched;

  Output(OutputStream out) {
    watched = new Watched(out);
    printer =
        new PrintStream(new BufferedOutputStream(watched, 1 << 14), false, StandardCharsets.UTF_8);
  }

  /** The first failure, or null. */
  @Nullable IOException failure() {
    return watched.failure;
  }

  private static final class Watched extends FilterOutputStream {
    private @Nullable IOException failure;

    Watched(OutputStream out) {
      super(out);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      try {
        out.write(bytes, from, length);
      } catch (IOException e) {
        failure = failure == null ? e : failure;
        throw e;
      }
    }
  }
}
