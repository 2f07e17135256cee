package dev.diopter.models;

import dev.diopter.models.DecoderConfig.Rotary;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * The rotary part of a Llama configuration, in every published spelling: {@code rope_theta} beside
 * {@code rope_scaling} with its kind as {@code type} or {@code rope_type}, or everything in {@code
 * rope_parameters}.
 */
final class RotaryConfig {
  private static final List<String> KINDS = List.of("default", "linear", "llama3");
  private static final double DEFAULT_THETA = 10000;

  private RotaryConfig() {}

  /** Reads the rotary fields. */
  static Rotary read(ConfigReader config, int headDim) {
    JsonNode outerTheta = config.get("rope_theta");
    JsonNode before = config.get("rope_scaling");
    JsonNode now = config.get("rope_parameters");
    if (before != null && now != null && !before.equals(now)) {
      throw config.contradiction("rope_scaling", before, "rope_parameters", now);
    }
    ConfigReader scaling = config.child("rope_scaling");
    ConfigReader parameters = config.child("rope_parameters");
    ConfigReader rope = parameters != null ? parameters : scaling;
    if (rope == null) {
      return new Rotary(
          "default", frequencies(config.positive("rope_theta", DEFAULT_THETA), headDim));
    }
    JsonNode innerTheta = rope.get("rope_theta");
    double theta = config.positive("rope_theta", DEFAULT_THETA);
    if (innerTheta != null) {
      double inner = rope.positive("rope_theta");
      if (outerTheta != null && theta != inner) {
        throw config.contradiction(
            "rope_theta", outerTheta, "rope_parameters.rope_theta", innerTheta);
      }
      theta = inner;
    }
    return read(rope, theta, headDim);
  }

  private static Rotary read(ConfigReader rope, double theta, int headDim) {
    String kind = kind(rope);
    double[] frequencies = frequencies(theta, headDim);
    switch (kind) {
      case "linear" -> {
        double factor = rope.positive("factor");
        for (int i = 0; i < frequencies.length; i++) {
          frequencies[i] /= factor;
        }
        // Says what the model was trained with; the factor is what counts.
        rope.get("original_max_position_embeddings");
      }
      case "llama3" -> scaleLlama3(rope, frequencies);
      default -> rope.get("factor");
    }
    rope.refuseRest(HarmlessFields.ROPE);
    return new Rotary(kind, frequencies);
  }

  private static String kind(ConfigReader rope) {
    JsonNode now = rope.get("rope_type");
    JsonNode before = rope.get("type");
    if (now != null && before != null && !now.equals(before)) {
      throw rope.contradiction("rope_type", now, "type", before);
    }
    return rope.choice(now == null && before != null ? "type" : "rope_type", "default", KINDS);
  }

  private static double[] frequencies(double theta, int headDim) {
    double[] frequencies = new double[headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = 1 / Math.pow(theta, 2.0 * i / headDim);
    }
    return frequencies;
  }

  /** Long wavelengths are divided by the factor, short ones are kept, those between are blended. */
  private static void scaleLlama3(ConfigReader rope, double[] frequencies) {
    double factor = rope.positive("factor");
    double low = rope.positive("low_freq_factor");
    double high = rope.positive("high_freq_factor");
    double context = rope.size("original_max_position_embeddings");
    if (low >= high) {
      throw rope.inconsistent(
          "expected low_freq_factor below high_freq_factor, found %s and %s".formatted(low, high));
    }
    for (int i = 0; i < frequencies.length; i++) {
      double wavelength = 2 * Math.PI / frequencies[i];
      if (wavelength > context / low) {
        frequencies[i] /= factor;
      } else if (wavelength >= context / high) {
        double blend = (context / wavelength - low) / (high - low);
        frequencies[i] = (1 - blend) * frequencies[i] / factor + blend * frequencies[i];
      }
    }
  }
}
