package dev.diopter.lens.tuned;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.OneLine;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which stored tensor is which translator's weight or bias. Known are the Python package's names
 * ({@code 3.weight}), those of its versions up to 0.0.5 ({@code input_translator.weight} and {@code
 * layer_translators.2.weight}, still older {@code probe} or {@code adapter} for {@code translator},
 * beside tensors of the model) and ours ({@code translators.3.weight}).
 */
final class LensTensors {
  private static final Pattern CURRENT =
      Pattern.compile("(?:translators\\.)?([0-9]{1,6})\\.(weight|bias)");
  private static final Pattern OLD_INPUT =
      Pattern.compile("input_(?:translator|probe|adapter)\\.(weight|bias)");
  private static final Pattern OLD_LAYER =
      Pattern.compile("layer_(?:translators|probes|adapters)\\.([0-9]{1,6})\\.(weight|bias)");
  private static final Pattern OLD_OTHER =
      Pattern.compile("(?:layer_norm|unembedding|extra_layers|attn_.*)\\..*");

  /** Where tensors come from. */
  interface Source {
    /** For messages. */
    String name();

    /** Shapes of all tensors by name. */
    Map<String, int[]> shapes();

    /** A tensor's numbers. */
    float[] floats(String tensor);
  }

  private final Source source;
  private final LensConfig config;
  private final Map<Integer, String> weights = new HashMap<>();
  private final Map<Integer, String> biases = new HashMap<>();

  private LensTensors(Source source, LensConfig config) {
    this.source = source;
    this.config = config;
  }

  /**
   * Reads all translators.
   *
   * @param notes hears what was left out or filled in
   * @throws FormatException where there is not exactly one of the right size for each layer
   */
  static TunedLens read(Source source, LensConfig config, List<String> notes) {
    LensTensors tensors = new LensTensors(source, config);
    boolean old = tensors.assign();
    List<Translator> translators = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      translators.add(tensors.translator(layer, old, notes));
    }
    return new TunedLens(config, translators);
  }

  /** Gives each tensor its place; true for an old layout. */
  private boolean assign() {
    boolean old = false;
    for (Map.Entry<String, int[]> tensor : source.shapes().entrySet()) {
      String name = tensor.getKey();
      Matcher current = CURRENT.matcher(name);
      Matcher input = OLD_INPUT.matcher(name);
      Matcher layer = OLD_LAYER.matcher(name);
      if (current.matches()) {
        place(Integer.parseInt(current.group(1)), current.group(2), name, tensor.getValue());
      } else if (input.matches()) {
        old = true;
        place(0, input.group(1), name, tensor.getValue());
      } else if (layer.matches()) {
        old = true;
        place(Integer.parseInt(layer.group(1)) + 1, layer.group(2), name, tensor.getValue());
      } else if (!OLD_OTHER.matcher(name).matches()) {
        throw broken("expected translators, found a tensor " + OneLine.quoted(name));
      }
    }
    return old;
  }

  private void place(int layer, String part, String name, int[] shape) {
    int width = config.width();
    int[] expected = part.equals("weight") ? new int[] {width, width} : new int[] {width};
    if (layer >= config.layers()) {
      throw broken(
          "%s: expected layers 0 to %d by the configuration"
              .formatted(OneLine.quoted(name), config.layers() - 1));
    }
    if (!Arrays.equals(shape, expected)) {
      throw broken(
          "%s: expected shape %s by the configuration, found %s"
              .formatted(OneLine.quoted(name), Arrays.toString(expected), Arrays.toString(shape)));
    }
    if ((part.equals("weight") ? weights : biases).put(layer, name) != null) {
      throw broken("expected one %s for layer %d, found two".formatted(part, layer));
    }
  }

  private Translator translator(int layer, boolean old, List<String> notes) {
    String weight = weights.get(layer);
    String bias = biases.get(layer);
    if (weight == null && bias == null && old && layer == 0) {
      notes.add(source.name() + " has no translator of the input; layer 0 is the logit lens");
      return Translator.identity(config.width());
    }
    if (weight == null || (bias == null && config.bias())) {
      throw broken(
          "expected a %s for layer %d, found none"
              .formatted(weight == null ? "weight" : "bias", layer));
    }
    return new Translator(finite(weight), bias == null ? new float[config.width()] : finite(bias));
  }

  private float[] finite(String name) {
    float[] values = source.floats(name);
    requireFinite(source.name(), name, values);
    return values;
  }

  /** Fails where numbers are none: such a lens is of no use to anyone. */
  static void requireFinite(String source, String tensor, float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        throw new FormatException(
            "%s: tensor %s: expected finite numbers, found %s; the training went wrong, train again"
                .formatted(source, tensor, value));
      }
    }
  }

  private FormatException broken(String what) {
    return new FormatException(
        "%s: %s; lens and configuration do not belong together".formatted(source.name(), what));
  }
}
