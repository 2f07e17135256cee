package dev.diopter.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Mutations;
import dev.diopter.formats.Resources;
import dev.diopter.formats.SafetensorsFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Damaged model folders: each opens right or is refused in one line. The seed is printed; set it to
 * repeat a run.
 */
class ModelFuzzTest {
  private static final long SEED = Long.getLong("diopter.fuzzSeed", 20260106);

  private interface Opening {
    void run(byte[] bytes) throws IOException;
  }

  private static void damage(String what, byte[] original, int times, Opening opening)
      throws IOException {
    System.out.println("fuzz " + what + ": seed " + SEED + ", " + times + " mutations");
    Random random = new Random(SEED);
    int refused = 0;
    for (int i = 0; i < times; i++) {
      byte[] bytes = Mutations.of(original, original.length, random);
      try {
        opening.run(bytes);
      } catch (FormatException | ModelException e) {
        assertThat(e.getMessage()).as("mutation %d", i).doesNotContain("\n").hasSizeLessThan(1500);
        refused++;
      } catch (RuntimeException | Error e) {
        throw new AssertionError("mutation %d of seed %d".formatted(i, SEED), e);
      }
    }
    assertThat(refused).isBetween(times / 10, times - 1);
  }

  /** Files in memory, since mapping one ten thousand times takes longer than all the rest. */
  private record MemoryFiles(Map<String, byte[]> files) implements ModelFiles {
    @Override
    public String describe(String name) {
      return name;
    }

    @Override
    public boolean exists(String name) {
      return files.containsKey(name);
    }

    @Override
    public InputStream open(String name) {
      return new ByteArrayInputStream(files.get(name));
    }

    @Override
    public SafetensorsFile openTensors(String name) {
      return SafetensorsFile.of(name, MemorySegment.ofArray(files.get(name)));
    }

    @Override
    public Path folder() {
      return null;
    }
  }

  private static void damageFile(String fixture, String name, int times) throws IOException {
    Map<String, byte[]> files = new HashMap<>();
    try (Stream<Path> all = Files.list(Resources.fixture(fixture))) {
      for (Path file : all.toList()) {
        files.put(file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
    damage(
        fixture + "/" + name,
        files.get(name),
        times,
        bytes -> {
          files.put(name, bytes);
          try (OpenModel model =
              OpenModel.open("x", "x", new MemoryFiles(files), WeightProcessing.NONE)) {
            assertThat(model.info().parameters()).isPositive();
          }
        });
  }

  @Test
  void open_damagedGpt2Config_isReadOrRefused() throws IOException {
    damageFile("gpt2-odd-f16", "config.json", 3000);
  }

  @Test
  void open_damagedLlamaConfig_isReadOrRefused() throws IOException {
    damageFile("llama-gqa", "config.json", 3000);
  }

  @Test
  void open_damagedIndex_isReadOrRefused() throws IOException {
    damageFile("llama-sharded-bf16", ShardIndex.FILE, 3000);
  }

  @Test
  void vocabulary_damaged_isReadOrRefused() throws IOException {
    byte[] whole;
    try (var in = ModelFiles.ofResources("demo-gpt2").open("tokenizer.json")) {
      whole = in.readAllBytes();
    }
    String text = new String(whole, StandardCharsets.UTF_8);
    byte[] start =
        text.substring(0, text.indexOf("\"!\""))
            .concat("\"!\":1},\"merges\":[]}}")
            .getBytes(StandardCharsets.UTF_8);
    damage(
        "vocabulary",
        start,
        4000,
        bytes -> {
          Vocabulary vocabulary =
              Vocabulary.read("tokenizer.json", new ByteArrayInputStream(bytes));
          for (int id = -1; id < 3; id++) {
            assertThat(vocabulary.bytes(id) == null).isEqualTo(vocabulary.token(id) == null);
          }
        });
  }
}
