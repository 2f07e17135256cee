package dev.diopter.formats;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Thousands of damaged files: each is read right or refused in one line, nothing else. The seed is
 * printed; set it to repeat a run.
 */
class FormatsFuzzTest {
  private static final long SEED = Long.getLong("diopter.fuzzSeed", 20260105);

  @TempDir Path folder;

  private interface Reading {
    void run(byte[] bytes) throws IOException;
  }

  private static void damage(String what, byte[] original, int head, int times, Reading reading)
      throws IOException {
    System.out.println("fuzz " + what + ": seed " + SEED + ", " + times + " mutations");
    Random random = new Random(SEED);
    int refused = 0;
    for (int i = 0; i < times; i++) {
      byte[] bytes = Mutations.of(original, head, random);
      try {
        reading.run(bytes);
      } catch (FormatException e) {
        assertThat(e.getMessage()).as("mutation %d", i).doesNotContain("\n").hasSizeLessThan(1000);
        refused++;
      } catch (RuntimeException | Error e) {
        throw new AssertionError("mutation %d of seed %d".formatted(i, SEED), e);
      }
    }
    // Damage that nothing notices would mean that nothing was read.
    assertThat(refused).isBetween(times / 10, times - 1);
  }

  @Test
  void safetensors_damaged_isReadOrRefused() throws IOException {
    byte[] original = Resources.bytes("reference.safetensors");
    damage("safetensors", original, 440, 8_000, FormatsFuzzTest::readSafetensors);
  }

  @Test
  void safetensorsHeader_damagedWithTheLengthKeptRight_isReadOrRefused() throws IOException {
    byte[] file = Resources.bytes("reference.safetensors");
    int length = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
    byte[] header = java.util.Arrays.copyOfRange(file, 8, 8 + length);
    byte[] data = java.util.Arrays.copyOfRange(file, 8 + length, file.length);
    damage(
        "safetensors header",
        header,
        header.length,
        8_000,
        bytes ->
            readSafetensors(
                ByteBuffer.allocate(8 + bytes.length + data.length)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(bytes.length)
                    .put(bytes)
                    .put(data)
                    .array()));
  }

  /** What is accepted must hold what it says. */
  private static void readSafetensors(byte[] bytes) {
    long covered = 0;
    for (SafetensorsFile.Entry entry : SafetensorsBytes.open(bytes).entries()) {
      long elements = 1;
      for (long size : entry.shape()) {
        elements *= size;
      }
      assertThat(entry.data().byteSize() * 8).isEqualTo(elements * entry.type().bits());
      covered += entry.data().byteSize();
    }
    long header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    assertThat(8 + header + covered).isEqualTo(bytes.length);
  }

  @Test
  void json_damaged_isReadOrRefusedAndWhatIsReadIsWrittenTheSame() throws IOException {
    byte[] original =
        Files.readAllBytes(Resources.fixture("llama-sharded-bf16/model.safetensors.index.json"));
    damage(
        "json",
        original,
        original.length,
        2_500,
        bytes -> {
          var tree = Json.read("x.json", bytes);
          assertThat(Json.read("again", Json.compact(tree))).isEqualTo(tree);
        });
  }

  @Test
  void npz_damaged_isReadOrRefused() throws IOException {
    Path file = folder.resolve("x.npz");
    for (String name : new String[] {"numpy.npz", "numpy-deflated.npz"}) {
      byte[] original = Resources.bytes(name);
      damage(
          name,
          original,
          original.length,
          1_500,
          bytes -> {
            Files.write(file, bytes);
            try (Npz npz = Npz.open(file)) {
              for (String array : npz.names()) {
                NpzArray read = npz.read(array);
                assertThat(
                        read.type() == NpyType.TEXT ? read.strings().size() : read.doubles().length)
                    .isEqualTo(read.size());
              }
            }
          });
    }
  }
}
