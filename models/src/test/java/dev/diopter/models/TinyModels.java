package dev.diopter.models;

import dev.diopter.formats.Json;
import dev.diopter.formats.SafetensorsWriter;
import dev.diopter.formats.SafetensorsWriter.Tensor;
import dev.diopter.formats.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/** Model folders of a few hundred weights, to be spoilt in one place each. */
final class TinyModels {
  static final String GPT2 =
      """
      {"model_type": "gpt2", "vocab_size": 7, "n_positions": 5, "n_embd": 4, "n_layer": 2, "n_head": 2, "n_inner": null,
       "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "bos_token_id": 6, "eos_token_id": 6}\
      """;

  static final String LLAMA =
      """
      {"model_type": "llama", "vocab_size": 7, "hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 2,
       "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "hidden_act": "silu",
       "bos_token_id": 1, "eos_token_id": 2}\
      """;

  private TinyModels() {}

  static ObjectNode config(String text) {
    return (ObjectNode) Json.read("config.json", text);
  }

  /** Names and shapes of the GPT-2 model's tensors. */
  static Map<String, List<Long>> gpt2(String prefix) {
    Map<String, List<Long>> tensors = new LinkedHashMap<>();
    tensors.put(prefix + "wte.weight", List.of(7L, 4L));
    tensors.put(prefix + "wpe.weight", List.of(5L, 4L));
    for (int i = 0; i < 2; i++) {
      String layer = prefix + "h." + i + ".";
      tensors.put(layer + "ln_1.weight", List.of(4L));
      tensors.put(layer + "ln_1.bias", List.of(4L));
      tensors.put(layer + "attn.c_attn.weight", List.of(4L, 12L));
      tensors.put(layer + "attn.c_attn.bias", List.of(12L));
      tensors.put(layer + "attn.c_proj.weight", List.of(4L, 4L));
      tensors.put(layer + "attn.c_proj.bias", List.of(4L));
      tensors.put(layer + "ln_2.weight", List.of(4L));
      tensors.put(layer + "ln_2.bias", List.of(4L));
      tensors.put(layer + "mlp.c_fc.weight", List.of(4L, 16L));
      tensors.put(layer + "mlp.c_fc.bias", List.of(16L));
      tensors.put(layer + "mlp.c_proj.weight", List.of(16L, 4L));
      tensors.put(layer + "mlp.c_proj.bias", List.of(4L));
    }
    tensors.put(prefix + "ln_f.weight", List.of(4L));
    tensors.put(prefix + "ln_f.bias", List.of(4L));
    return tensors;
  }

  /** Names and shapes of the Llama model's tensors. */
  static Map<String, List<Long>> llama(String prefix) {
    Map<String, List<Long>> tensors = new LinkedHashMap<>();
    tensors.put(prefix + "embed_tokens.weight", List.of(7L, 4L));
    for (int i = 0; i < 2; i++) {
      String layer = prefix + "layers." + i + ".";
      tensors.put(layer + "input_layernorm.weight", List.of(4L));
      tensors.put(layer + "self_attn.q_proj.weight", List.of(4L, 4L));
      tensors.put(layer + "self_attn.k_proj.weight", List.of(2L, 4L));
      tensors.put(layer + "self_attn.v_proj.weight", List.of(2L, 4L));
      tensors.put(layer + "self_attn.o_proj.weight", List.of(4L, 4L));
      tensors.put(layer + "post_attention_layernorm.weight", List.of(4L));
      tensors.put(layer + "mlp.gate_proj.weight", List.of(6L, 4L));
      tensors.put(layer + "mlp.up_proj.weight", List.of(6L, 4L));
      tensors.put(layer + "mlp.down_proj.weight", List.of(4L, 6L));
    }
    tensors.put(prefix + "norm.weight", List.of(4L));
    tensors.put("lm_head.weight", List.of(7L, 4L));
    return tensors;
  }

  /** Writes a folder with one weights file. */
  static Path write(Path folder, String config, Map<String, List<Long>> tensors)
      throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), config);
    writeWeights(folder.resolve("model.safetensors"), tensors, TensorType.F32);
    return folder;
  }

  static void writeWeights(Path file, Map<String, List<Long>> tensors, TensorType type) {
    List<Tensor> list = new ArrayList<>();
    tensors.forEach((name, shape) -> {
      long bytes = type.bits() / 8;
      for (long size : shape) {
        bytes *= size;
      }
      byte[] zeros = new byte[(int) bytes];
      list.add(new Tensor(name, type, shape, out -> out.write(zeros)));
    });
    SafetensorsWriter.write(file, list, Map.of("format", "pt"));
  }

  /** Writes a folder of shards: the tensors in turn to each. */
  static Path writeShards(Path folder, String config, Map<String, List<Long>> tensors, int shards)
      throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), config);
    ObjectNode index = Json.object();
    ObjectNode weightMap = index.putObject("weight_map");
    List<Map<String, List<Long>>> parts = new ArrayList<>();
    for (int s = 0; s < shards; s++) {
      parts.add(new LinkedHashMap<>());
    }
    int next = 0;
    for (Map.Entry<String, List<Long>> tensor : tensors.entrySet()) {
      int shard = next++ % shards;
      parts.get(shard).put(tensor.getKey(), tensor.getValue());
      weightMap.put(tensor.getKey(), shardName(shard));
    }
    for (int s = 0; s < shards; s++) {
      writeWeights(folder.resolve(shardName(s)), parts.get(s), TensorType.BF16);
    }
    Json.write(index, folder.resolve(ShardIndex.FILE), true);
    return folder;
  }

  static String shardName(int shard) {
    return "model-%05d.safetensors".formatted(shard + 1);
  }
}
