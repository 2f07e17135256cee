package dev.diopter.lens.tuned;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import dev.diopter.formats.PythonJson;
import dev.diopter.formats.SafetensorsFile;
import dev.diopter.formats.SafetensorsWriter;
import dev.diopter.formats.TensorType;
import dev.diopter.formats.TorchFile;
import dev.diopter.formats.TorchWriter;
import dev.diopter.models.ModelStore;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * Lenses as folders: {@code config.json} and {@code params.pt} as the Python package writes and
 * reads them, and {@code params.safetensors} with the same numbers and all that is known of them.
 * Where a folder has both, {@code params.pt} counts. A training's checkpoints are such Safetensors
 * files, too. Reading executes nothing, whatever a file asks for.
 */
public final class LensFiles {
  /** Name of the configuration. */
  public static final String CONFIG = "config.json";

  /** Name of the parameters in torch's format. */
  public static final String PARAMETERS = "params.pt";

  /** Name of the parameters in the Safetensors format. */
  public static final String SAFETENSORS = "params.safetensors";

  /** Key of a Safetensors file's metadata under which the configuration stands. */
  public static final String METADATA_CONFIG = "config";

  /** What the names of tensors start with that a checkpoint has beside those of its lens. */
  public static final String OPTIMIZER = "optimizer.";

  private LensFiles() {}

  /**
   * A lens from files.
   *
   * @param lens the lens
   * @param notes what a user should know of it, a line each: keys that were left out, an old layout
   */
  public record Loaded(TunedLens lens, List<String> notes) {
    public Loaded {
      notes = List.copyOf(notes);
    }
  }

  /** Saves a lens. */
  public static void save(Path folder, TunedLens lens) {
    save(folder, lens, Map.of());
  }

  /**
   * Saves a lens as three files, each of which appears whole or not at all, the configuration last.
   * One that stood there and says something else goes before the new parameters come, so that what
   * is left of a save that was cut off is no pair, or a true one.
   *
   * @param folder made where there is none
   * @param training what is known of its training, for the Safetensors file's metadata
   * @throws FormatException where something cannot be written; and before anything is, for
   *     parameters that are no numbers
   */
  public static void save(Path folder, TunedLens lens, Map<String, String> training) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new FormatException(folder + ": cannot be made: " + OneLine.reason(e), e);
    }
    int width = lens.width();
    List<TorchWriter.Tensor> torch = new ArrayList<>();
    List<SafetensorsWriter.Tensor> safe = new ArrayList<>();
    for (int layer = 0; layer < lens.layers(); layer++) {
      float[] weight = lens.translator(layer).weight();
      float[] bias = lens.translator(layer).bias();
      LensTensors.requireFinite(folder.toString(), layer + ".weight", weight);
      LensTensors.requireFinite(folder.toString(), layer + ".bias", bias);
      torch.add(new TorchWriter.Tensor(layer + ".weight", List.of(width, width), weight));
      torch.add(new TorchWriter.Tensor(layer + ".bias", List.of(width), bias));
      String name = "translators.%d.".formatted(layer);
      List<Long> square = List.of((long) width, (long) width);
      safe.add(SafetensorsWriter.Tensor.ofFloats(name + "weight", square, weight));
      safe.add(SafetensorsWriter.Tensor.ofFloats(name + "bias", List.of((long) width), bias));
    }
    SafetensorsWriter.write(folder.resolve(SAFETENSORS), safe, metadata(lens.config(), training));
    ObjectNode config = LensConfigFile.tree(lens.config());
    removeOther(folder.resolve(CONFIG), PythonJson.text(config));
    TorchWriter.write(folder.resolve(PARAMETERS), torch);
    PythonJson.write(config, folder.resolve(CONFIG));
  }

  private static void removeOther(Path config, String text) {
    try {
      if (Files.isRegularFile(config)
          && !Arrays.equals(Files.readAllBytes(config), text.getBytes(StandardCharsets.UTF_8))) {
        Files.delete(config);
      }
    } catch (IOException e) {
      throw new FormatException(config + ": cannot be replaced: " + OneLine.reason(e), e);
    }
  }

  private static Map<String, String> metadata(LensConfig config, Map<String, String> training) {
    Map<String, String> metadata = new LinkedHashMap<>(training);
    metadata.put("format", "diopter-tuned-lens");
    metadata.put("format_version", "1");
    metadata.put("parametrisation", "residual");
    metadata.put(METADATA_CONFIG, metadataConfig(config));
    return metadata;
  }

  /** What stands under {@link #METADATA_CONFIG}: all that is known of a lens. */
  public static String metadataConfig(LensConfig config) {
    ObjectNode tree = LensConfigFile.tree(config);
    tree.put("site", config.site().label());
    tree.putArray("processing");
    config.processing().forEach(tree.withArray("processing")::add);
    return Json.compact(tree);
  }

  /**
   * Loads a lens.
   *
   * @param path a folder with {@code config.json} and one of the two files of parameters, or a
   *     Safetensors file of ours, a checkpoint of a training among them
   * @throws FormatException where there is none, or its files are broken or ask for anything but
   *     numbers
   */
  public static Loaded load(Path path) {
    if (Files.isRegularFile(path) && String.valueOf(path.getFileName()).endsWith(".safetensors")) {
      return safetensors(path, null);
    }
    Path config = path.resolve(CONFIG);
    Path torch = path.resolve(PARAMETERS);
    Path safe = path.resolve(SAFETENSORS);
    if (!Files.isDirectory(path)
        || !Files.exists(config)
        || !(Files.exists(torch) || Files.exists(safe))) {
      throw new FormatException(
          "%s: expected a folder with %s and %s or %s, found %s; give --lens such a folder, or 'logit'"
              .formatted(path, CONFIG, PARAMETERS, SAFETENSORS, found(path)));
    }
    if (!Files.exists(torch)) {
      return safetensors(safe, config);
    }
    List<String> notes = new ArrayList<>();
    LensConfig read = LensConfigFile.read(config.toString(), Json.read(config), notes);
    try (TorchFile file = TorchFile.open(torch)) {
      return new Loaded(LensTensors.read(source(torch, file), read, notes), notes);
    }
  }

  private static String found(Path path) {
    if (!Files.exists(path)) {
      return "nothing";
    }
    return Files.isDirectory(path) ? "a folder without them" : "a file";
  }

  /**
   * The tuned lens that comes with a bundled model.
   *
   * @param model one of {@link ModelStore#BUNDLED}
   * @throws UsageException where the model is another one
   */
  public static Loaded bundled(String model) {
    if (!ModelStore.BUNDLED.contains(model)) {
      throw new UsageException(
          "expected one of %s, whose tuned lenses come with Diopter, got %s; train one: diopter lens train"
              .formatted(String.join(", ", ModelStore.BUNDLED), OneLine.quoted(model)));
    }
    String resource = "bundled/" + model + ".safetensors";
    InputStream found = LensFiles.class.getResourceAsStream(resource);
    if (found == null) {
      throw new IllegalStateException("the program lacks its resource " + resource);
    }
    try (InputStream in = found;
        SafetensorsFile file = SafetensorsFile.read(resource, in)) {
      return safetensors(resource, file, null);
    } catch (IOException e) {
      throw FormatException.unreadable(resource, e);
    }
  }

  private static Loaded safetensors(Path path, @Nullable Path config) {
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      return safetensors(path.toString(), file, config);
    }
  }

  private static Loaded safetensors(String path, SafetensorsFile file, @Nullable Path config) {
    List<String> notes = new ArrayList<>();
    String inside = file.metadata().get(METADATA_CONFIG);
    LensConfig read;
    if (config != null) {
      read = LensConfigFile.read(config.toString(), Json.read(config), notes);
    } else if (inside != null) {
      String name = path + ": metadata";
      read = LensConfigFile.read(name, Json.read(name, inside), notes);
    } else {
      throw new FormatException(
          "%s: expected a lens with its configuration as metadata, found none; give the folder with its %s"
              .formatted(path, CONFIG));
    }
    return new Loaded(LensTensors.read(source(path, file), read, notes), notes);
  }

  private static LensTensors.Source source(Path path, TorchFile file) {
    Map<String, int[]> shapes = new LinkedHashMap<>();
    file.tensors()
        .forEach((name, entry) ->
            shapes.put(name, entry.shape().stream().mapToInt(Integer::intValue).toArray()));
    return new Tensors(path.toString(), shapes, file::floats);
  }

  private static LensTensors.Source source(String path, SafetensorsFile file) {
    Map<String, int[]> shapes = new LinkedHashMap<>();
    for (SafetensorsFile.Entry entry : file.entries()) {
      if (entry.name().startsWith(OPTIMIZER)) {
        continue;
      }
      if (entry.type() != TensorType.F32) {
        throw new FormatException(
            "%s: tensor %s: expected F32, found %s"
                .formatted(path, OneLine.quoted(entry.name()), entry.type()));
      }
      shapes.put(
          entry.name(),
          entry.shape().stream()
              .mapToInt(size -> (int) Math.min(size, Integer.MAX_VALUE))
              .toArray());
    }
    return new Tensors(path, shapes, name -> floats(file, name));
  }

  private static float[] floats(SafetensorsFile file, String name) {
    SafetensorsFile.Entry entry = java.util.Objects.requireNonNull(file.find(name));
    MemorySegment data = entry.data();
    return data.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN));
  }

  private interface Reader {
    float[] floats(String tensor);
  }

  private record Tensors(String name, Map<String, int[]> shapes, Reader reader)
      implements LensTensors.Source {
    @Override
    public float[] floats(String tensor) {
      return reader.floats(tensor);
    }
  }
}
