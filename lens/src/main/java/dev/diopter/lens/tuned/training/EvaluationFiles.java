package dev.diopter.lens.tuned.training;

import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * An evaluation as the Python package's files: {@code aggregate_metrics.json}, every number in bits
 * per byte and, where weights were processed, the steps as {@code processing}, {@code
 * batches.jsonl}, the same of each batch in a line of its own (where the package writes one array),
 * and {@code logit_stats.json}, mean predictions.
 */
public final class EvaluationFiles {
  private EvaluationFiles() {}

  /**
   * Writes all three, each whole or not at all.
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
    StringBuilder batches = new StringBuilder();
    for (BatchScores batch : evaluation.batches()) {
      batches.append(Json.compact(batch(batch, evaluation))).append('\n');
    }
    AtomicFile.write(
        folder.resolve("batches.jsonl"), batches.toString().getBytes(StandardCharsets.UTF_8));
    Json.write(marginals(evaluation), folder.resolve("logit_stats.json"), false);
  }

  private static ObjectNode batch(BatchScores batch, Evaluation e) {
    ObjectNode metrics = Json.object();
    metrics.put("tokens", batch.tokens());
    baseline(metrics, batch.crossEntropy(), batch.entropy(), e);
    for (BatchScores.Layers scores : batch.lenses()) {
      ObjectNode lens = metrics.putObject(scores.kind());
      layers(lens.putObject("ce"), scores.crossEntropy(), e);
      layers(lens.putObject("entropy"), scores.entropy(), e);
      layers(lens.putObject("kl"), scores.kl(), e);
    }
    return metrics;
  }

  private static void baseline(ObjectNode metrics, double ce, double entropy, Evaluation e) {
    ObjectNode baseline = metrics.putObject("baseline");
    baseline.putObject("ce").put("final", e.bitsPerByte(ce));
    baseline.putObject("entropy").put("final", e.bitsPerByte(entropy));
  }

  private static ObjectNode metrics(Evaluation e) {
    ObjectNode metrics = Json.object();
    if (!e.processing().isNone()) {
      ArrayNode steps = metrics.putArray("processing");
      e.processing().names().forEach(steps::add);
    }
    baseline(metrics, e.crossEntropy(), e.entropy(), e);
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
