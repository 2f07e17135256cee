package dev.diopter.lens.patterns;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a {@code model_cfg.json} says of a model, so that figures need no model.
 *
 * @param modelName the model's name
 * @param layers number of blocks
 * @param heads query heads
 * @param prependsBos whether prompts had BOS in front; null where the file does not say
 * @param json the whole object; not to be changed
 */
public record StoredModel(
    String modelName, int layers, int heads, @Nullable Boolean prependsBos, ObjectNode json) {
  private static final int MOST = 4096;

  /**
   * Reads a file.
   *
   * @throws FormatException where it is missing or lacks what it must say
   */
  public static StoredModel read(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new FormatException(
          file + ": expected a stored model, found none; run patterns activations first");
    }
    return of(file.toString(), Json.read(file));
  }

  /**
   * From its JSON.
   *
   * @param source where it came from, for messages
   * @throws FormatException where it lacks what it must say
   */
  public static StoredModel of(String source, JsonNode json) {
    JsonNode name = json.path("model_name");
    if (!(json instanceof ObjectNode object) || !name.isString()) {
      throw new FormatException(
          "%s: expected an object with model_name, n_layers and n_heads, found %s"
              .formatted(source, Json.brief(json)));
    }
    JsonNode bos = json.path("default_prepend_bos");
    return new StoredModel(
        name.stringValue(),
        count(source, json, "n_layers"),
        count(source, json, "n_heads"),
        bos.isBoolean() ? bos.booleanValue() : null,
        object);
  }

  private static int count(String source, JsonNode json, String key) {
    JsonNode value = json.path(key);
    if (!value.canConvertToInt() || value.intValue() < 1 || value.intValue() > MOST) {
      throw new FormatException(
          "%s: %s: expected a number from 1 to %d, found %s"
              .formatted(
                  source,
                  key,
                  MOST,
                  value.isMissingNode() ? "none" : OneLine.name(value.toString())));
    }
    return value.intValue();
  }
}
