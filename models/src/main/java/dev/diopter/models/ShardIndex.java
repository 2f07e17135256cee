package dev.diopter.models;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * {@code model.safetensors.index.json}: which shard holds which tensor. A shard lies in the model's
 * folder; that is judged by its name, not by where a link leads, since the Hugging Face cache
 * consists of symbolic links.
 *
 * @param shardOf file name of each tensor's shard
 */
record ShardIndex(Map<String, String> shardOf) {
  static final String FILE = "model.safetensors.index.json";

  /** Reads and checks the index. */
  static ShardIndex read(ModelFiles files) {
    String source = files.describe(FILE);
    JsonNode weightMap = Checkpoint.readJson(files, FILE).path("weight_map");
    if (!weightMap.isObject() || weightMap.isEmpty()) {
      throw new FormatException(
          source
              + ": expected weight_map, an object from tensor to shard, found none; fetch the index again");
    }
    Map<String, String> shardOf = LinkedHashMap.newLinkedHashMap(weightMap.size());
    weightMap.forEachEntry((tensor, shard) -> {
      if (!shard.isString() || !isShardName(shard.stringValue())) {
        throw new FormatException(
            "%s: weight_map.%s: expected the name of a .safetensors file in the same folder, found %s"
                .formatted(source, OneLine.name(tensor), Json.brief(shard)));
      }
      shardOf.put(tensor, shard.stringValue());
    });
    return new ShardIndex(Collections.unmodifiableMap(shardOf));
  }

  /** The shards' file names in the order in which the index first names them. */
  Set<String> shards() {
    return new LinkedHashSet<>(shardOf.values());
  }

  private static boolean isShardName(String name) {
    return ModelStore.isPlainName(name) && name.endsWith(".safetensors");
  }
}
