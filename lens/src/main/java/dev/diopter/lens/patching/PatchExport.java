package dev.diopter.lens.patching;

import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.Json;
import dev.diopter.formats.NpzWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Sweeps as JSON, CSV and npz, with unrounded numbers. */
public final class PatchExport {
  private PatchExport() {}

  /** Nested arrays by name. */
  public static ObjectNode object(List<Sweep> sweeps) {
    ObjectNode object = Json.object();
    for (Sweep sweep : sweeps) {
      object.set(sweep.name(), nested(sweep, 0, 0));
    }
    return object;
  }

  private static ArrayNode nested(Sweep sweep, int axis, int from) {
    ArrayNode array = Json.array();
    int[] shape = sweep.shape();
    for (int i = 0; i < shape[axis]; i++) {
      int at = from * shape[axis] + i;
      if (axis == shape.length - 1) {
        array.add(sweep.values()[at]);
      } else {
        array.add(nested(sweep, axis + 1, at));
      }
    }
    return array;
  }

  /** The names of the axes by sweep. */
  public static ObjectNode axes(List<Sweep> sweeps) {
    ObjectNode object = Json.object();
    for (Sweep sweep : sweeps) {
      ArrayNode axes = object.putArray(sweep.name());
      sweep.axes().forEach(axes::add);
    }
    return object;
  }

  /** What was computed. */
  public static ObjectNode object(PatchCost cost) {
    return Json.object()
        .put("token_layers", cost.tokenLayers())
        .put("unembeddings", cost.unembeddings())
        .put("cells", cost.cells())
        .put("computed", cost.computed());
  }

  /**
   * A line for each cell: the sweep, its indices, the metric. A column for each axis that any of
   * the sweeps has; empty where a sweep has it not. The file appears whole or not at all.
   */
  public static void csv(List<Sweep> sweeps, Path file) {
    List<String> axes = sweeps.stream().flatMap(s -> s.axes().stream()).distinct().toList();
    StringBuilder out = new StringBuilder("sweep");
    axes.forEach(a -> out.append(',').append(a));
    out.append(",value\r\n");
    for (Sweep sweep : sweeps) {
      int[] index = new int[sweep.shape().length];
      for (double value : sweep.values()) {
        out.append(sweep.name());
        for (String axis : axes) {
          int i = sweep.axes().indexOf(axis);
          out.append(',').append(i < 0 ? "" : Integer.toString(index[i]));
        }
        out.append(',').append(value).append("\r\n");
        advance(index, sweep.shape());
      }
    }
    byte[] bytes = out.toString().getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, o -> o.write(bytes));
  }

  private static void advance(int[] index, int[] shape) {
    for (int i = index.length - 1; i >= 0; i--) {
      if (++index[i] < shape[i]) {
        return;
      }
      index[i] = 0;
    }
  }

  /** A float64 array for each sweep, under its name. The file appears whole or not at all. */
  public static void npz(List<Sweep> sweeps, Path file) {
    NpzWriter.write(
        file,
        NpzWriter.Packing.STORED,
        out -> {
          for (Sweep sweep : sweeps) {
            List<Integer> shape = Arrays.stream(sweep.shape()).boxed().toList();
            out.doubles(sweep.name(), shape, sweep.values());
          }
        });
  }
}
