package dev.diopter.lens.patterns;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import dev.diopter.formats.PythonJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The model and the settings that a folder's patterns come from. What would change them may not
 * differ: keys of {@code model_cfg.json}, as far as that file has them, and the weights'
 * fingerprint in {@code diopter.json}, a file of ours that other readers pass over. A folder
 * without the latter, as pattern-lens leaves it, is judged by its configuration alone.
 *
 * @param description this run's {@code model_cfg.json}
 * @param fingerprint of this run's weights; empty where it is not known, which compares nothing
 */
record FolderOwner(ObjectNode description, String fingerprint) {
  static final String BOS = "default_prepend_bos";
  private static final String KEY = "weights_fingerprint";

  private static final List<String> SAME =
      List.of(
          "original_architecture",
          "n_layers",
          "d_model",
          "n_heads",
          "n_key_value_heads",
          "d_head",
          "d_mlp",
          "act_fn",
          "normalization_type",
          "eps",
          "rotary_base",
          "d_vocab",
          BOS);

  /** Files say numbers with more or fewer digits. */
  private static final double TOLERANCE = 1e-6;

  private static final int SHOWN_DIGITS = 12;

  /** Writes the files of a folder that has no configuration yet, the configuration last. */
  void write(ModelFolder folder) {
    if (!fingerprint.isEmpty()) {
      ObjectNode own = Json.object();
      own.put(KEY, fingerprint);
      PythonJson.write(own, folder.ownFile());
    }
    PythonJson.write(description, folder.configFile());
  }

  /**
   * Fails where a folder has patterns of another model or with other settings.
   *
   * @throws FormatException saying what differs
   */
  void check(ModelFolder folder) {
    ObjectNode stored = folder.config().json();
    for (String key : SAME) {
      JsonNode found = stored.get(key);
      if (found != null && !same(key, value(stored, key), value(description, key))) {
        throw new FormatException(
            "%s: expected %s %s as this run has it, found %s; %sgive another --name, or remove the folder"
                .formatted(
                    folder.configFile(),
                    key,
                    description.get(key),
                    Json.brief(found),
                    key.equals(BOS) ? bosAdvice() : ""));
      }
    }
    Path file = folder.ownFile();
    if (!fingerprint.isEmpty() && Files.isRegularFile(file)) {
      String found = Json.read(file).path(KEY).asString("");
      if (!found.equals(fingerprint)) {
        throw new FormatException(
            "%s: expected the fingerprint %s of this model's weights, found %s: its patterns are those of other weights; give another --name, or remove the folder"
                .formatted(file, brief(fingerprint), found.isEmpty() ? "none" : brief(found)));
      }
    }
  }

  private String bosAdvice() {
    return description.path(BOS).booleanValue() ? "leave --bos out, " : "add --bos, ";
  }

  private static String brief(String hex) {
    return OneLine.name(hex.substring(0, Math.min(SHOWN_DIGITS, hex.length())));
  }

  /** A value; without grouped heads there are as many of keys and values as of queries. */
  private static JsonNode value(ObjectNode object, String key) {
    JsonNode value = object.path(key);
    return key.equals("n_key_value_heads") && value.isNull() ? object.path("n_heads") : value;
  }

  private static boolean same(String key, JsonNode a, JsonNode b) {
    if (a.isNumber() && b.isNumber()) {
      double x = a.doubleValue();
      double y = b.doubleValue();
      return Math.abs(x - y) <= TOLERANCE * Math.max(Math.abs(x), Math.abs(y));
    }
    if (key.equals("normalization_type") && a.isString() && b.isString()) {
      // With folded gains, which is how pattern-lens loads, TransformerLens says LNPre and RMSPre.
      return a.stringValue().replace("Pre", "").equals(b.stringValue().replace("Pre", ""));
    }
    return a.equals(b);
  }
}
