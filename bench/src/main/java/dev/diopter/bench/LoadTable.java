package dev.diopter.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;

/**
 * Prints loading beside reading, in Markdown: opening a checkpoint whose file the system's cache
 * holds, packing included, and a plain read of the same bytes by one thread, in turn.
 */
public final class LoadTable {
  private static final int ROUNDS = 7;

  private LoadTable() {}

  /** {@code LoadTable THREADS MODEL...}. */
  public static void main(String[] args) throws IOException {
    System.out.println(
        "| model | GB | opened ms | GB/s | plain read ms | GB/s | opening / reading |");
    System.out.println("|---|---|---|---|---|---|---|");
    for (int i = 1; i < args.length; i++) {
      CheckpointLoad load = new CheckpointLoad();
      load.model = args[i];
      load.threads = Integer.parseInt(args[0]);
      load.find();
      CheckpointLoad.Counts counts = new CheckpointLoad.Counts();
      Runnable read =
          () -> {
            try {
              load.plainRead(counts);
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          };
      SideBySide both = SideBySide.measure(read, () -> load.open(counts), ROUNDS, 0);
      double gigabytes = load.bytes() / 1e9;
      System.out.printf(
          Locale.ROOT,
          "| %s | %.3f | %.0f | %.1f | %.0f | %.1f | **%.2f** |%n",
          args[i],
          gigabytes,
          both.second() * 1e3,
          gigabytes / both.second(),
          both.first() * 1e3,
          gigabytes / both.first(),
          both.ratio());
    }
  }
}
