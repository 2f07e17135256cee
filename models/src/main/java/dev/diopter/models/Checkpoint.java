package dev.diopter.models;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import dev.diopter.formats.SafetensorsFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A model's files, opened and checked: its configuration and its tensors by name, mapped and not
 * copied. What the configuration means is said by {@link DecoderConfigs}, which tensor plays which
 * role by {@link WeightMap}. Immutable and thread safe; after {@link #close} the tensors' data may
 * not be used any more.
 */
public final class Checkpoint implements AutoCloseable {
  private static final String CONFIG = "config.json";
  private static final String GENERATION_CONFIG = "generation_config.json";
  private static final String SINGLE = "model.safetensors";

  private final String source;
  private final ModelFiles files;
  private final JsonNode config;
  private final @Nullable JsonNode generationConfig;
  private final List<SafetensorsFile> shards;
  private final Map<String, SafetensorsFile> tensors;

  private Checkpoint(String source, ModelFiles files) {
    this.source = source;
    this.files = files;
    this.config = readObject(files, CONFIG);
    this.generationConfig =
        files.exists(GENERATION_CONFIG) ? readObject(files, GENERATION_CONFIG) : null;
    this.shards = new ArrayList<>();
    this.tensors = new LinkedHashMap<>();
    boolean done = false;
    try {
      openTensors();
      done = true;
    } finally {
      if (!done) {
        close();
      }
    }
  }

  /**
   * Opens a Hugging Face folder with {@code config.json} and its weights in one Safetensors file or
   * in shards with an index.
   *
   * @throws ModelException where it is no such folder
   * @throws FormatException where one of its files is broken
   */
  public static Checkpoint open(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new ModelException(
          "%s: expected a model folder, found %s"
              .formatted(folder, Files.exists(folder) ? "a file" : "nothing"));
    }
    return open(folder.toString(), ModelFiles.of(folder));
  }

  static Checkpoint open(String source, ModelFiles files) {
    if (!files.exists(CONFIG)) {
      throw new ModelException(
          "%s: expected a model folder with config.json, found none; give a Hugging Face model folder"
              .formatted(source));
    }
    return new Checkpoint(source, files);
  }

  /** Where it lies, for people. */
  public String source() {
    return source;
  }

  /** Its folder; null for a bundled model. */
  public @Nullable Path folder() {
    return files.folder();
  }

  /** {@code config.json}. */
  public JsonNode config() {
    return config;
  }

  /** {@code generation_config.json}, or null. */
  public @Nullable JsonNode generationConfig() {
    return generationConfig;
  }

  /** Name of a file of this checkpoint for messages. */
  String describe(String file) {
    return files.describe(file);
  }

  /** Names of all tensors in the order of their files. */
  public Set<String> names() {
    return Collections.unmodifiableSet(tensors.keySet());
  }

  /** Whether there is a tensor of that name. */
  public boolean has(String name) {
    return tensors.containsKey(name);
  }

  /** A tensor by name, or null. */
  public @Nullable StoredTensor find(String name) {
    SafetensorsFile file = tensors.get(name);
    SafetensorsFile.Entry entry = file == null ? null : file.find(name);
    if (file == null || entry == null) {
      return null;
    }
    List<Integer> shape = new ArrayList<>(entry.shape().size());
    for (long size : entry.shape()) {
      if (size > Integer.MAX_VALUE) {
        throw new FormatException(
            "%s: tensor %s: expected sizes below 2^31, found %s"
                .formatted(file.source(), name, entry.shape()));
      }
      shape.add((int) size);
    }
    return new StoredTensor(name, entry.type(), Collections.unmodifiableList(shape), entry.data());
  }

  /**
   * A tensor by name.
   *
   * @throws FormatException where there is none
   */
  public StoredTensor tensor(String name) {
    StoredTensor tensor = find(name);
    if (tensor == null) {
      throw new FormatException(
          "%s: expected a tensor %s, found none; the weights are incomplete or belong to another model"
              .formatted(source, name));
    }
    return tensor;
  }

  /** Bytes of all tensors. */
  public long bytes() {
    long bytes = 0;
    for (SafetensorsFile shard : shards) {
      for (SafetensorsFile.Entry entry : shard.entries()) {
        bytes += entry.data().byteSize();
      }
    }
    return bytes;
  }

  /** Releases the mapped files. Again is harmless. */
  @Override
  public void close() {
    for (SafetensorsFile shard : shards) {
      shard.close();
    }
  }

  private void openTensors() {
    if (files.exists(SINGLE)) {
      add(files.openTensors(SINGLE));
    } else if (files.exists(ShardIndex.FILE)) {
      openShards(ShardIndex.read(files));
    } else {
      throw noWeights();
    }
  }

  private void openShards(ShardIndex index) {
    Map<String, SafetensorsFile> opened = new LinkedHashMap<>();
    for (String shard : index.shards()) {
      if (!files.exists(shard)) {
        throw new FormatException(
            "%s: expected the shard %s, found no such file; fetch the rest of the model"
                .formatted(files.describe(ShardIndex.FILE), shard));
      }
      SafetensorsFile file = files.openTensors(shard);
      opened.put(shard, file);
      add(file);
    }
    index
        .shardOf()
        .forEach((tensor, shard) -> {
          SafetensorsFile file = opened.get(shard);
          if (file == null || file.find(tensor) == null) {
            throw new FormatException(
                "%s: expected tensor %s in %s, found none there; index and shards do not belong together"
                    .formatted(files.describe(ShardIndex.FILE), OneLine.name(tensor), shard));
          }
        });
  }

  private void add(SafetensorsFile file) {
    shards.add(file);
    for (SafetensorsFile.Entry entry : file.entries()) {
      SafetensorsFile other = tensors.putIfAbsent(entry.name(), file);
      if (other != null) {
        throw new FormatException(
            "%s: tensor %s: expected it in one shard, found it in %s too; the shards do not belong together"
                .formatted(file.source(), OneLine.name(entry.name()), other.source()));
      }
    }
  }

  private ModelException noWeights() {
    for (String other :
        List.of(
            "pytorch_model.bin",
            "pytorch_model.bin.index.json",
            "tf_model.h5",
            "flax_model.msgpack")) {
      if (files.exists(other)) {
        return new ModelException(
            ("%s: expected weights as %s, found only %s; convert them: in Python,"
                    + " AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)")
                .formatted(source, SINGLE, other));
      }
    }
    return new ModelException(
        "%s: expected weights as %s or %s, found neither; fetch the rest of the model"
            .formatted(source, SINGLE, ShardIndex.FILE));
  }

  private static JsonNode readObject(ModelFiles files, String name) {
    JsonNode tree = readJson(files, name);
    if (!tree.isObject()) {
      throw new FormatException(
          "%s: expected a JSON object, found %s"
              .formatted(files.describe(name), tree.getNodeType()));
    }
    return tree;
  }

  static JsonNode readJson(ModelFiles files, String name) {
    try (InputStream in = files.open(name)) {
      return Json.read(files.describe(name), in);
    } catch (IOException e) {
      throw FormatException.unreadable(files.describe(name), e);
    }
  }
}
