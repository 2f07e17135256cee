package dev.diopter.bench;

import dev.diopter.engine.Model;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.StoredTensor;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Prints what decoding makes of the memory, in Markdown: the bytes of weights that a token reads,
 * divided by its time, against reading memory in sequence in the same run, measured in front of
 * each model and behind it.
 */
public final class DecodingTable {
  private static final int ROUNDS = 15;
  private static final int CONTEXT = 128;

  private DecodingTable() {}

  /** {@code DecodingTable THREADS MODEL...}. */
  public static void main(String[] args) {
    int threads = Integer.parseInt(args[0]);
    System.out.println(
        "| model, one token behind %d | ms | tokens/s | GB of weights | GB/s | read limit GB/s | of read limit |"
            .formatted(CONTEXT));
    System.out.println("|---|---|---|---|---|---|---|");
    for (int i = 1; i < args.length; i++) {
      double bytes = bytes(BenchModel.locate(args[i]));
      double before = Limits.measure(threads).gigabytes();
      double seconds;
      try (Model model = BenchModel.open(args[i], threads)) {
        seconds = SideBySide.alone(ScalingTable.token(model, CONTEXT), ROUNDS);
      }
      double limit = Math.max(before, Limits.measure(threads).gigabytes());
      double speed = bytes / seconds / 1e9;
      System.out.printf(
          Locale.ROOT,
          "| %s | %.2f | %.1f | %.3f | %.1f | %.1f | **%.2f** |%n",
          Path.of(args[i]).getFileName(),
          seconds * 1e3,
          1 / seconds,
          bytes / 1e9,
          speed,
          limit,
          speed / limit);
    }
  }

  /** All stored weights but tables of which a token reads one row. */
  private static double bytes(String folder) {
    try (OpenModel stored = ModelStore.system().open(folder)) {
      double rows = bytes(stored.weights().positionEmbedding());
      if (!stored.config().tiedHead()) {
        rows += bytes(stored.weights().tokenEmbedding());
      }
      return stored.checkpoint().bytes() - rows;
    }
  }

  private static double bytes(@Nullable StoredTensor tensor) {
    return tensor == null ? 0 : tensor.data().byteSize();
  }
}
