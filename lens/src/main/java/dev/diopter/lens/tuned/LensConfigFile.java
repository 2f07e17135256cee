package dev.diopter.lens.tuned;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import dev.diopter.models.WeightProcessing;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code config.json} of a lens: the Python package's keys in its order, and behind them those that
 * it does not know and drops, where they say something. Layouts of its versions up to 0.0.5 are
 * read too.
 */
final class LensConfigFile {
  private static final String NAME = "base_model_name_or_path";
  private static final String WIDTH = "d_model";
  private static final String LAYERS = "num_hidden_layers";
  private static final String BIAS = "bias";
  private static final String REVISION = "base_model_revision";
  private static final String HASH = "unembed_hash";
  private static final String TYPE = "lens_type";
  private static final String SITE = "site";
  private static final String PROCESSING = "processing";
  private static final Set<String> KNOWN =
      Set.of(NAME, WIDTH, LAYERS, BIAS, REVISION, HASH, TYPE, SITE, PROCESSING);

  /** Keys of the versions up to 0.0.5. */
  private static final String OLD_LAYERS = "num_layers";

  private static final Set<String> KNOWN_OLD =
      Set.of(
          BIAS,
          "include_input",
          WIDTH,
          OLD_LAYERS,
          "vocab_size",
          "reuse_unembedding",
          "extra_layers",
          "model_config");

  private final String source;
  private final JsonNode tree;
  private final List<String> notes;

  private LensConfigFile(String source, JsonNode tree, List<String> notes) {
    this.source = source;
    this.tree = tree;
    this.notes = notes;
  }

  /**
   * Reads a configuration.
   *
   * @param notes hears what was left out or guessed
   * @throws FormatException where it is none, or one that cannot be used
   */
  static LensConfig read(String source, JsonNode tree, List<String> notes) {
    LensConfigFile file = new LensConfigFile(source, tree, notes);
    if (!tree.isObject()) {
      throw file.broken("expected a JSON object, found " + tree.getNodeType());
    }
    return tree.has(OLD_LAYERS) && !tree.has(LAYERS) ? file.old() : file.current();
  }

  /** The same as {@code json.dumps} of the Python package's configuration gives. */
  static ObjectNode tree(LensConfig config) {
    ObjectNode tree = Json.object();
    tree.put(NAME, config.baseModel());
    tree.put(WIDTH, config.width());
    tree.put(LAYERS, config.layers());
    tree.put(BIAS, config.bias());
    tree.put(REVISION, config.revision());
    tree.put(HASH, config.unembedHash());
    tree.put(TYPE, LensConfig.LENS_TYPE);
    if (config.site() != LensSite.RESID_PRE) {
      tree.put(SITE, config.site().label());
    }
    if (!config.processing().isEmpty()) {
      ArrayNode processing = tree.putArray(PROCESSING);
      config.processing().forEach(processing::add);
    }
    return tree;
  }

  private LensConfig current() {
    noteUnknown(KNOWN);
    String type = text(TYPE);
    if (type != null && !type.equals(LensConfig.LENS_TYPE)) {
      throw broken(
          "%s: expected %s, found %s".formatted(TYPE, LensConfig.LENS_TYPE, OneLine.quoted(type)));
    }
    String name = text(NAME);
    if (name == null) {
      throw broken("expected %s, found none".formatted(NAME));
    }
    String site = text(SITE);
    return new LensConfig(
        name,
        text(REVISION),
        size(WIDTH),
        size(LAYERS),
        truth(BIAS, true),
        text(HASH),
        site == null ? LensSite.RESID_PRE : site(site),
        processing());
  }

  private LensConfig old() {
    noteUnknown(KNOWN_OLD);
    if (!truth("reuse_unembedding", true)) {
      throw broken(
          "this old lens has a head of its own for each layer (reuse_unembedding is false), which cannot be"
              + " converted; train it again");
    }
    if (tree.path("extra_layers").isNumber() && tree.path("extra_layers").intValue() != 0) {
      throw broken("this old lens has extra layers, which cannot be converted; train it again");
    }
    JsonNode model = tree.path("model_config").path("_name_or_path");
    String name = model.isString() && !model.stringValue().isEmpty() ? model.stringValue() : "";
    notes.add(
        "%s is of the layout before version 0.0.6; it was converted, and says %s of its model"
            .formatted(source, name.isEmpty() ? "nothing" : "no hash"));
    return new LensConfig(
        name.isEmpty() ? "unknown" : name,
        null,
        size(WIDTH),
        size(OLD_LAYERS),
        truth(BIAS, true),
        null,
        LensSite.RESID_PRE,
        List.of());
  }

  private void noteUnknown(Set<String> known) {
    List<String> unknown = new ArrayList<>();
    for (Map.Entry<String, JsonNode> member : tree.properties()) {
      if (!known.contains(member.getKey())) {
        unknown.add(OneLine.name(member.getKey()));
      }
    }
    if (!unknown.isEmpty()) {
      notes.add("%s: left out what is not known: %s".formatted(source, String.join(", ", unknown)));
    }
  }

  private @Nullable String text(String key) {
    JsonNode value = tree.path(key);
    if (value.isMissingNode() || value.isNull()) {
      return null;
    }
    if (!value.isString()) {
      throw broken("%s: expected a text, found %s".formatted(key, Json.brief(value)));
    }
    return value.stringValue();
  }

  private int size(String key) {
    JsonNode value = tree.path(key);
    if (!value.isInt() || value.intValue() < 1 || value.intValue() > 1 << 20) {
      throw broken(
          "%s: expected a number of 1 to 2^20, found %s"
              .formatted(key, value.isMissingNode() ? "none" : Json.brief(value)));
    }
    return value.intValue();
  }

  private boolean truth(String key, boolean otherwise) {
    JsonNode value = tree.path(key);
    if (value.isMissingNode() || value.isNull()) {
      return otherwise;
    }
    if (!value.isBoolean()) {
      throw broken("%s: expected true or false, found %s".formatted(key, Json.brief(value)));
    }
    return value.booleanValue();
  }

  private LensSite site(String label) {
    for (LensSite site : LensSite.values()) {
      if (site.label().equals(label)) {
        return site;
      }
    }
    throw broken("%s: expected a residual stream, found %s".formatted(SITE, OneLine.quoted(label)));
  }

  /** The steps in the order in which they are applied, however a file lists them. */
  private List<String> processing() {
    JsonNode value = tree.path(PROCESSING);
    List<String> names = new ArrayList<>();
    if (value.isMissingNode() || value.isNull()) {
      return names;
    }
    for (JsonNode name : value) {
      if (!name.isString()) {
        throw broken("%s: expected texts, found %s".formatted(PROCESSING, Json.brief(name)));
      }
      names.add(name.stringValue());
    }
    if (!value.isArray()) {
      throw broken("%s: expected an array, found %s".formatted(PROCESSING, Json.brief(value)));
    }
    try {
      return WeightProcessing.ofNames(names).names();
    } catch (IllegalArgumentException e) {
      throw broken(PROCESSING + ": " + OneLine.brief(e.getMessage()));
    }
  }

  private FormatException broken(String what) {
    return new FormatException(
        "%s: %s; this is no usable configuration of a tuned lens".formatted(source, what));
  }
}
