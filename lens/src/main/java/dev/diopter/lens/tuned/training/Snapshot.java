package dev.diopter.lens.tuned.training;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.OneLine;
import dev.diopter.formats.SafetensorsFile;
import dev.diopter.formats.SafetensorsWriter;
import dev.diopter.formats.TensorType;
import dev.diopter.lens.tuned.LensFiles;
import dev.diopter.lens.tuned.Translator;
import dev.diopter.lens.tuned.TunedLens;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The state of a training on disk, {@code checkpoints/snapshot_N.safetensors} behind step N: all
 * translators, the optimiser's numbers, and what it belongs to. A file appears whole or not at all,
 * and earlier ones stay. {@link dev.diopter.lens.tuned.LensFiles} reads the translators as a lens.
 */
final class Snapshot {
  private static final Pattern NAME = Pattern.compile("snapshot_([0-9]{1,9})\\.safetensors");
  private static final String STEP = "step";

  private final Path folder;
  private final Map<String, String> identity;

  /**
   * Snapshots in a folder.
   *
   * @param identity what they must agree on, by name
   */
  Snapshot(Path folder, Map<String, String> identity) {
    this.folder = folder;
    this.identity = new LinkedHashMap<>(identity);
  }

  /** Fingerprint of a lens's numbers. */
  static String sha256(TunedLens lens) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (Translator translator : lens.translators()) {
        for (float[] numbers : List.of(translator.weight(), translator.bias())) {
          ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(4, numbers.length));
          bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(numbers);
          digest.update(bytes);
        }
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A snapshot that was found. */
  record Found(int step, Path file) {}

  /** The one with the highest number. */
  Optional<Found> last() {
    if (!Files.isDirectory(folder)) {
      return Optional.empty();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .flatMap(file -> {
            Matcher name = NAME.matcher(String.valueOf(file.getFileName()));
            return name.matches() && Files.isRegularFile(file)
                ? Stream.of(new Found(Integer.parseInt(name.group(1)), file))
                : Stream.empty();
          })
          .max((a, b) -> Integer.compare(a.step(), b.step()));
    } catch (IOException e) {
      throw FormatException.unreadable(folder.toString(), e);
    }
  }

  /** Writes one. */
  Path write(int step, List<LayerTrainer> layers) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new FormatException(folder + ": cannot be made: " + OneLine.reason(e), e);
    }
    List<SafetensorsWriter.Tensor> tensors = new ArrayList<>();
    each(
        layers,
        (name, shape, values) ->
            tensors.add(SafetensorsWriter.Tensor.ofFloats(name, shape, values)));
    Map<String, String> metadata = new LinkedHashMap<>(identity);
    metadata.put(STEP, Integer.toString(step));
    Path file = folder.resolve("snapshot_%d.safetensors".formatted(step));
    SafetensorsWriter.write(file, tensors, metadata);
    return file;
  }

  /**
   * Restores one.
   *
   * @throws UsageException if it belongs to another training
   * @throws FormatException if it is broken
   */
  void read(Found found, List<LayerTrainer> layers) {
    try (SafetensorsFile file = open(found.file())) {
      identity.forEach((name, expected) -> {
        String value = file.metadata().get(name);
        if (!expected.equals(value)) {
          throw new UsageException(
              "%s belongs to another training: expected %s %s, found %s; repeat its options and data, or train into another folder"
                  .formatted(found.file(), name, expected, value));
        }
      });
      if (!Integer.toString(found.step()).equals(file.metadata().get(STEP))) {
        throw new FormatException(
            "%s: expected the state behind step %d, found step %s; delete it"
                .formatted(found.file(), found.step(), file.metadata().get(STEP)));
      }
      each(layers, (name, shape, values) -> restore(file, name, values));
    }
  }

  private static SafetensorsFile open(Path path) {
    try {
      return SafetensorsFile.open(path);
    } catch (FormatException e) {
      if (!Files.isReadable(path)) {
        throw e;
      }
      throw new FormatException(
          "%s: this checkpoint is cut off or damaged; delete it, and the training goes on from the one before, or starts anew where there is none"
              .formatted(path),
          e);
    }
  }

  private static void restore(SafetensorsFile file, String name, float[] values) {
    SafetensorsFile.Entry entry = file.find(name);
    if (entry == null || entry.type() != TensorType.F32 || entry.elements() != values.length) {
      throw new FormatException(
          "%s: expected %d numbers F32 of %s, found %s; delete the file to go on from an earlier one"
              .formatted(
                  file.source(),
                  values.length,
                  name,
                  entry == null ? "none" : entry.type() + " " + entry.shape()));
    }
    MemorySegment.copy(
        entry.data(),
        ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN),
        0,
        values,
        0,
        values.length);
  }

  private interface Visitor {
    void array(String name, List<Long> shape, float[] values);
  }

  private static void each(List<LayerTrainer> layers, Visitor visitor) {
    for (int layer = 0; layer < layers.size(); layer++) {
      LayerTrainer trainer = layers.get(layer);
      String name = "translators.%d.".formatted(layer);
      long width = trainer.bias().length;
      visitor.array(name + "weight", List.of(width, width), trainer.weight());
      visitor.array(name + "bias", List.of(width), trainer.bias());
      for (int k = 0; k < trainer.weightState().length; k++) {
        String state = LensFiles.OPTIMIZER + k + "." + name;
        float[] weights = trainer.weightState()[k];
        visitor.array(state + "weight", List.of((long) weights.length), weights);
        visitor.array(state + "bias", List.of(width), trainer.biasState()[k]);
      }
    }
  }
}
