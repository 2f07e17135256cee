package dev.diopter.lens.tuned.training;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * An evaluation as the Python package's files: {@code aggregate_metrics.json}, every number in bits
 * per byte, and {@code logit_stats.json}, mean predictions.
 */
public final class EvaluationFiles {
  private EvaluationFiles() {}

  /**
   * Writes both, each whole or not at all.
   *
   * @param folder made where there is none
   * @throws FormatException where something cannot be written
   */
  public static void write(Path folder, Evaluation evaluation) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new FormatException(folder + ": cannot be made: " + OneLine.reason(e), e);
    }
    Json.write(metrics(evaluation), folder.resolve("aggregate_metrics.json"), true);
    Json.write(marginals(evaluation), folder.resolve("logit_stats.json"), false);
  }

  private static ObjectNode metrics(Evaluation e) {
    ObjectNode metrics = Json.object();
    ObjectNode baseline = metrics.putObject("baseline");
    baseline.putObject("ce").put("final", e.bitsPerByte(e.crossEntropy()));
    baseline.putObject("entropy").put("final", e.bitsPerByte(e.entropy()));
    for (LensScores scores : e.lenses()) {
      ObjectNode lens = metrics.putObject(scores.kind());
      layers(lens.putObject("ce"), scores.crossEntropy(), e);
      layers(lens.putObject("entropy"), scores.entropy(), e);
      layers(lens.putObject("kl"), scores.kl(), e);
      LensScores.Transfer transfer = scores.transfer();
      if (transfer != null) {
        ObjectNode moved = lens.putObject("layer_transfer");
        matrix(moved.putObject("ce"), transfer.crossEntropy(), e);
        matrix(moved.putObject("kl"), transfer.kl(), e);
      }
    }
    return metrics;
  }

  private static void layers(ObjectNode to, double[] nats, Evaluation e) {
    for (int layer = 0; layer < nats.length; layer++) {
      to.put("layer_" + layer, e.bitsPerByte(nats[layer]));
    }
  }

  private static void matrix(ObjectNode to, double[][] nats, Evaluation e) {
    for (int layer = 0; layer < nats.length; layer++) {
      layers(to.putObject("layer_" + layer), nats[layer], e);
    }
  }

  private static ObjectNode marginals(Evaluation e) {
    ObjectNode stats = Json.object();
    array(stats.putObject("baseline").putArray("final"), e.marginals());
    for (LensScores scores : e.lenses()) {
      ObjectNode lens = stats.putObject(scores.kind());
      for (int layer = 0; layer < scores.marginals().length; layer++) {
        array(lens.putArray("layer_" + layer), scores.marginals()[layer]);
      }
    }
    return stats;
  }

  private static void array(ArrayNode to, double[] values) {
    Arrays.stream(values).forEach(to::add);
  }
}
