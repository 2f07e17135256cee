package dev.diopter.models;

import static dev.diopter.formats.Messages.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.diopter.formats.Json;
import dev.diopter.formats.Mappings;
import dev.diopter.formats.Resources;
import dev.diopter.formats.SafetensorsBytes;
import dev.diopter.formats.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

class CheckpointTest {
  @TempDir Path folder;

  @Test
  void open_singleFile_hasConfigAndTensors() {
    try (Checkpoint checkpoint = Checkpoint.open(Resources.fixture("gpt2-tiny"))) {
      assertThat(checkpoint.config().path("model_type").stringValue()).isEqualTo("gpt2");
      assertThat(checkpoint.generationConfig()).isNull();
      StoredTensor embedding = checkpoint.tensor("wte.weight");
      assertThat(embedding.type()).isEqualTo(TensorType.F32);
      assertThat(embedding.shape()).containsExactly(97, 24);
      assertThat(embedding.data().byteSize()).isEqualTo(97 * 24 * 4);
      assertThat(checkpoint.find("none")).isNull();
      assertRefused(() -> checkpoint.tensor("none"), "gpt2-tiny", "none");
    }
  }

  @Test
  void open_shards_hasTensorsOfAll() {
    try (Checkpoint checkpoint = Checkpoint.open(Resources.fixture("llama-sharded-bf16"))) {
      int listed =
          Json.read(Resources.fixture("llama-sharded-bf16/" + ShardIndex.FILE))
              .path("weight_map")
              .size();
      assertThat(checkpoint.names()).hasSize(listed);
      for (String name : checkpoint.names()) {
        assertThat(checkpoint.tensor(name).type()).isEqualTo(TensorType.BF16);
      }
      assertThat(checkpoint.bytes()).isPositive();
    }
  }

  @Test
  void open_cacheOfLinks_isRead() throws IOException {
    // As the hub's cache lays it out: the snapshot holds links to files elsewhere with names of
    // their own.
    Path real =
        TinyModels.writeShards(
            folder.resolve("real"), TinyModels.LLAMA, TinyModels.llama("model."), 3);
    Path blobs = Files.createDirectories(folder.resolve("models--a--b/blobs"));
    Path snapshot = Files.createDirectories(folder.resolve("models--a--b/snapshots/0123"));
    try (Stream<Path> files = Files.list(real)) {
      int next = 0;
      for (Path file : files.toList()) {
        Path blob = Files.move(file, blobs.resolve("blob" + next++));
        Files.createSymbolicLink(
            snapshot.resolve(file.getFileName()),
            Path.of("../../blobs").resolve(blob.getFileName()));
      }
    }
    try (Checkpoint checkpoint = Checkpoint.open(snapshot)) {
      assertThat(checkpoint.names()).hasSize(TinyModels.llama("model.").size());
    }
  }

  @Test
  void open_singleFileAndIndex_takesTheSingleFile() throws IOException {
    TinyModels.writeShards(folder, TinyModels.GPT2, Map.of("a", List.of(1L)), 1);
    TinyModels.writeWeights(
        folder.resolve("model.safetensors"), Map.of("b", List.of(1L)), TensorType.F32);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.names()).containsExactly("b");
    }
  }

  static Stream<Arguments> brokenIndexes() {
    return Stream.of(
        arguments("[]", "weight_map"),
        arguments("{}", "weight_map"),
        arguments("{\"weight_map\":[]}", "weight_map"),
        arguments("{\"weight_map\":{}}", "weight_map"),
        arguments("{\"weight_map\":{\"a\":1}}", "weight_map.a"),
        arguments("{\"weight_map\":{\"a\":null}}", "weight_map.a"),
        arguments(
            "{\"weight_map\":{\"a\":\"x.safetensors\",\"a\":\"y.safetensors\"}}", "Duplicate"),
        arguments(
            "{\"weight_map\":{\"a\":\"none.safetensors\"}}",
            "none.safetensors, found no such file"),
        arguments("{\"weight_map\":{\"zz\":\"model-00001.safetensors\"}}", "expected tensor zz"),
        arguments("{\"weight_map\":{\"a\":", "valid JSON"));
  }

  @ParameterizedTest
  @MethodSource("brokenIndexes")
  void open_brokenIndex_isRefusedInOneLine(String index, String part) throws IOException {
    TinyModels.writeShards(folder, TinyModels.GPT2, Map.of("a", List.of(1L)), 1);
    Files.writeString(folder.resolve(ShardIndex.FILE), index);
    assertRefused(() -> Checkpoint.open(folder), ShardIndex.FILE, part);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../model/model-00001.safetensors",
        "/tmp/x.safetensors",
        "sub/x.safetensors",
        "..",
        ".",
        "",
        "..\\\\x.safetensors",
        "C:x.safetensors",
        "x.bin",
        "./model-00001.safetensors",
        "a\\u0000.safetensors",
        ".hidden.safetensors",
        "..safetensors"
      })
  void open_shardNamedOutsideOfTheFolder_isRefusedByItsName(String name) throws IOException {
    TinyModels.writeShards(folder.resolve("model"), TinyModels.GPT2, Map.of("a", List.of(1L)), 1);
    Files.writeString(
        folder.resolve("model").resolve(ShardIndex.FILE),
        "{\"weight_map\":{\"a\":\"" + name + "\"}}");
    assertRefused(
        () -> Checkpoint.open(folder.resolve("model")),
        ShardIndex.FILE,
        "weight_map.a",
        "in the same folder");
  }

  @Test
  void open_tensorInTwoShards_isRefused() throws IOException {
    TinyModels.writeShards(folder, TinyModels.GPT2, TinyModels.gpt2(""), 2);
    TinyModels.writeWeights(
        folder.resolve(TinyModels.shardName(1)), TinyModels.gpt2(""), TensorType.F32);
    assertRefused(
        () -> Checkpoint.open(folder),
        "in one shard",
        TinyModels.shardName(0),
        TinyModels.shardName(1));
  }

  @Test
  void open_namesWithLineEnds_staysOneLine() throws IOException {
    String name = "a\nb\u2028c" + "d".repeat(500);
    TinyModels.writeShards(folder, TinyModels.GPT2, Map.of(name, List.of(1L)), 1);
    Files.copy(folder.resolve(TinyModels.shardName(0)), folder.resolve("b.safetensors"));
    ObjectNode index = Json.object();
    index.putObject("weight_map").put("x", "b.safetensors").put(name, TinyModels.shardName(0));
    Json.write(index, folder.resolve(ShardIndex.FILE), false);
    assertRefused(() -> Checkpoint.open(folder), "tensor a b c", "in one shard");
    index.putObject("weight_map").put(name, "../x");
    Json.write(index, folder.resolve(ShardIndex.FILE), false);
    assertRefused(() -> Checkpoint.open(folder), "weight_map.a b c");
    ObjectNode config = TinyModels.config(TinyModels.GPT2).put(name, "x\ny");
    assertRefused(
        UnsupportedModelException.class, () -> DecoderConfigs.read("c", config, null), "a b c");
  }

  @Test
  void open_brokenShard_isRefusedByItsName() throws IOException {
    TinyModels.writeShards(folder, TinyModels.GPT2, TinyModels.gpt2(""), 2);
    Files.write(folder.resolve(TinyModels.shardName(1)), new byte[20]);
    assertRefused(() -> Checkpoint.open(folder), TinyModels.shardName(1));
    Mappings.assertNone(folder);
  }

  @Test
  void open_tensorLargerThanAnIndex_isRefusedWhenAskedFor() throws IOException {
    Files.writeString(folder.resolve("config.json"), TinyModels.GPT2);
    byte[] file =
        SafetensorsBytes.of(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[0,4294967296],\"data_offsets\":[0,0]}}", 0);
    Files.write(folder.resolve("model.safetensors"), file);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertRefused(() -> checkpoint.find("a"), "below 2^31");
    }
  }

  @Test
  void open_otherWeightFormats_saysHowToConvert() throws IOException {
    Files.writeString(folder.resolve("config.json"), TinyModels.GPT2);
    assertRefused(
        ModelException.class, () -> Checkpoint.open(folder), folder.toString(), "found neither");
    Files.write(folder.resolve("pytorch_model.bin"), new byte[10]);
    assertRefused(
        ModelException.class,
        () -> Checkpoint.open(folder),
        "pytorch_model.bin",
        "convert",
        "save_pretrained");
  }

  @Test
  void open_noModelFolder_isRefused() throws IOException {
    assertRefused(
        ModelException.class,
        () -> Checkpoint.open(folder.resolve("none")),
        "none",
        "found nothing");
    assertRefused(
        ModelException.class, () -> Checkpoint.open(folder), folder.toString(), "config.json");
    Path file = Files.writeString(folder.resolve("file"), "x");
    assertRefused(ModelException.class, () -> Checkpoint.open(file), "found a file");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "null", "{", "\"gpt2\""})
  void open_configThatIsNoObject_isRefused(String text) throws IOException {
    TinyModels.write(folder, text, TinyModels.gpt2(""));
    assertRefused(() -> Checkpoint.open(folder), "config.json");
    Files.writeString(folder.resolve("config.json"), TinyModels.GPT2);
    Files.writeString(folder.resolve("generation_config.json"), text);
    assertRefused(() -> Checkpoint.open(folder), "generation_config.json");
  }

  @Test
  void open_weightMapOfAThousandNames_isReadInOrder() throws IOException {
    ObjectNode weightMap = Json.object();
    for (int i = 0; i < 1000; i++) {
      weightMap.put("t" + i, "s" + i + ".safetensors");
    }
    Path file = folder.resolve(ShardIndex.FILE);
    Json.write(Json.object().set("weight_map", weightMap), file, false);
    ShardIndex index = ShardIndex.read(ModelFiles.of(folder));
    assertThat(index.shardOf()).hasSize(1000);
    assertThat(index.shards()).hasSize(1000).startsWith("s0.safetensors", "s1.safetensors");
  }
}
