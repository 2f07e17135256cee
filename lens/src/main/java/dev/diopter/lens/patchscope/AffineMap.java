package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.SafetensorsFile;
import dev.diopter.formats.SafetensorsWriter;
import dev.diopter.formats.TensorType;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An affine map for each pair of layers, or one for all: {@code y = x W + b}, summed in double and
 * rounded once. Files are Safetensors with {@code map.SOURCE.TARGET.weight} [in, out] and {@code
 * map.SOURCE.TARGET.bias} [out], where a layer is {@code embed}, a block's number or {@code final};
 * or {@code weight} and {@code bias} alone for every pair. Vectors are the residual stream before
 * the final norm, but for {@code final}, which is behind it. Immutable.
 */
public final class AffineMap implements Mapping {
  private static final Pattern NAME =
      Pattern.compile("map\\.(embed|final|\\d{1,6})\\.(embed|final|\\d{1,6})\\.weight");
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final String name;
  private final @Nullable Part every;
  private final Map<Route, Part> parts;
  private final Map<String, String> about;

  /**
   * One map.
   *
   * @param weight [in, out] row by row
   * @param bias [out]
   */
  public record Part(int in, float[] weight, float[] bias) {
    public Part {
      if (in < 1 || bias.length < 1 || weight.length != (long) in * bias.length) {
        throw new UsageException(
            "affine: expected %d x %d weights, got %d".formatted(in, bias.length, weight.length));
      }
    }

    float[] apply(float[] vector) {
      int out = bias.length;
      double[] sum = new double[out];
      for (int i = 0; i < in; i++) {
        double x = vector[i];
        for (int j = 0; j < out; j++) {
          sum[j] += x * weight[i * out + j];
        }
      }
      float[] y = new float[out];
      for (int j = 0; j < out; j++) {
        y[j] = (float) (sum[j] + bias[j]);
      }
      return y;
    }
  }

  private AffineMap(
      String name, @Nullable Part every, Map<Route, Part> parts, Map<String, String> about) {
    this.name = name;
    this.every = every;
    this.parts = parts;
    this.about = Map.copyOf(about);
  }

  /** One map for every pair of layers. */
  public static AffineMap of(String name, Part part) {
    return new AffineMap(name, part, Map.of(), Map.of());
  }

  /** A map for each pair of layers. */
  public static AffineMap of(String name, Map<Route, Part> parts, Map<String, String> about) {
    return new AffineMap(name, null, new LinkedHashMap<>(parts), about);
  }

  @Override
  public String name() {
    return name;
  }

  /** What the file says about its maps. */
  public Map<String, String> about() {
    return about;
  }

  private Part part(Route route) {
    Part found = every == null ? parts.get(route) : every;
    if (found == null) {
      throw new UsageException(
          "%s: expected a map for %s, it has %d others".formatted(name, route, parts.size()));
    }
    return found;
  }

  @Override
  public int width(int width, Route route) {
    Part part = part(route);
    if (part.in() != width) {
      throw new UsageException(
          "%s: takes vectors of %d numbers, got %d".formatted(name, part.in(), width));
    }
    return part.bias().length;
  }

  @Override
  public float[] apply(float[] vector, Route route) {
    return part(route).apply(vector);
  }

  /**
   * Reads a file.
   *
   * @throws FormatException where it is none
   */
  public static AffineMap read(Path file) {
    try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
      String name = "affine:" + file.getFileName();
      if (tensors.find("weight") != null) {
        return new AffineMap(name, part(tensors, ""), Map.of(), tensors.metadata());
      }
      Map<Route, Part> parts = new LinkedHashMap<>();
      for (SafetensorsFile.Entry entry : tensors.entries()) {
        Matcher match = NAME.matcher(entry.name());
        if (match.matches()) {
          Route route = new Route(entry(match.group(1)), entry(match.group(2)));
          String stem = entry.name().substring(0, entry.name().length() - "weight".length());
          parts.put(route, part(tensors, stem));
        }
      }
      if (parts.isEmpty()) {
        throw new FormatException(
            file + ": expected tensors weight and bias, or map.SOURCE.TARGET.weight and .bias");
      }
      return new AffineMap(name, null, parts, tensors.metadata());
    }
  }

  private static int entry(String label) {
    return switch (label) {
      case "embed" -> 0;
      case "final" -> Route.FINAL;
      default -> Integer.parseInt(label) + 1;
    };
  }

  private static Part part(SafetensorsFile file, String stem) {
    SafetensorsFile.Entry weight = tensor(file, stem + "weight", 2);
    SafetensorsFile.Entry bias = tensor(file, stem + "bias", 1);
    if (!weight.shape().get(1).equals(bias.shape().getFirst())
        || weight.elements() > Integer.MAX_VALUE - 8
        || weight.elements() == 0) {
      throw new FormatException(
          "%s: %sweight: expected shape [in, out] beside a bias of [out], found %s and %s"
              .formatted(file.source(), stem, weight.shape(), bias.shape()));
    }
    return new Part(Math.toIntExact(weight.shape().getFirst()), floats(weight), floats(bias));
  }

  private static SafetensorsFile.Entry tensor(SafetensorsFile file, String name, int axes) {
    SafetensorsFile.Entry entry = file.find(name);
    if (entry == null || entry.type() != TensorType.F32 || entry.shape().size() != axes) {
      throw new FormatException(
          "%s: expected a float32 tensor %s with %d axes, found %s"
              .formatted(
                  file.source(),
                  name,
                  axes,
                  entry == null ? "none" : entry.type() + " " + entry.shape()));
    }
    return entry;
  }

  private static float[] floats(SafetensorsFile.Entry entry) {
    float[] values = new float[Math.toIntExact(entry.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = entry.data().get(FLOAT, 4L * i);
    }
    return values;
  }

  /**
   * Writes a file; it appears whole or not at all.
   *
   * @throws FormatException where it cannot be written
   */
  public void write(Path file) {
    List<SafetensorsWriter.Tensor> tensors = new ArrayList<>();
    if (every != null) {
      put(tensors, "", every);
    }
    parts.forEach((route, part) -> {
      String labels = Slots.label(route.sourceEntry()) + "." + Slots.label(route.targetEntry());
      put(tensors, "map." + labels + ".", part);
    });
    SafetensorsWriter.write(file, tensors, new TreeMap<>(about));
  }

  private static void put(List<SafetensorsWriter.Tensor> tensors, String stem, Part part) {
    long out = part.bias().length;
    tensors.add(
        SafetensorsWriter.Tensor.ofFloats(
            stem + "weight", List.of((long) part.in(), out), part.weight()));
    tensors.add(SafetensorsWriter.Tensor.ofFloats(stem + "bias", List.of(out), part.bias()));
  }
}
