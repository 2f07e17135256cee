package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.engine.PromptOptions;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.EditDistance;
import dev.diopter.formats.Json;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A published configuration as data: what is read from where, into which prompt, over which layers.
 *
 * @param name how it is asked for
 * @param title what it shows
 * @param row its row in the list of published configurations (R1 to R13)
 * @param target the target's prompt; null where it must be given, or is the source's
 * @param same whether the target is the source
 * @param sourcePosition where vectors come from unless told otherwise; null for every position in
 *     turn
 * @param targetPosition where they go; null for the source's
 * @param layers {@code diagonal}, {@code grid}, {@code to-last} or {@code earlier} (target layers
 *     below the source's)
 * @param newTokens tokens to generate
 * @param read which position is read
 * @param needs what must be given: {@code map}, {@code target} or {@code noise}; null for nothing
 * @param controls what it is to be compared with, as {@code --control} names them
 */
public record Preset(
    String name,
    String title,
    String row,
    @Nullable String target,
    boolean same,
    @Nullable String sourcePosition,
    @Nullable String targetPosition,
    String layers,
    int newTokens,
    Readout.At read,
    @Nullable String needs,
    List<String> controls) {
  public Preset {
    controls = List.copyOf(controls);
  }

  /** All presets. */
  public static List<Preset> all() {
    return Bundled.ALL;
  }

  /**
   * A preset.
   *
   * @throws UsageException where there is none of that name; the message names those that there are
   */
  public static Preset named(String name) {
    String near = "";
    for (Preset preset : all()) {
      if (preset.name.equals(name)) {
        return preset;
      }
      if (EditDistance.between(name, preset.name) <= 3) {
        near = "; did you mean " + preset.name + "?";
      }
    }
    throw new UsageException(
        "preset: expected one of %s, got '%s'%s"
            .formatted(String.join(", ", all().stream().map(Preset::name).toList()), name, near));
  }

  /**
   * The patches.
   *
   * @param source the source; its positions count where they are not {@link Positions#ALL}
   * @param model what reads the target
   * @param given the target's input; null for the preset's own
   * @param options how the preset's prompt becomes ids
   * @param mapping what is done to each vector
   */
  public Sweep sweep(
      Source source, Model model, @Nullable Input given, PromptOptions options, Mapping mapping) {
    Positions from = source.positions();
    if (from.equals(Positions.ALL) && sourcePosition != null) {
      from = Positions.parse(sourcePosition);
    }
    Positions to = same ? from : targetPosition == null ? from : Positions.parse(targetPosition);
    Target aim = Target.of(model, input(source, model, given, options)).at(to).newTokens(newTokens);
    Sweep sweep = Sweep.of(new Patch(source.at(from), mapping, aim));
    if (sourcePosition == null && from.equals(Positions.ALL)) {
      List<Positions> each =
          IntStream.range(0, source.input().length()).mapToObj(i -> Positions.at(i)).toList();
      sweep =
          sweep.over(
              each,
              (patch, at) -> patch.source(patch.source().at(at)).target(patch.target().at(at)));
    }
    List<Layer> own = Layer.all(source.model().config());
    List<Layer> other = Layer.all(model.config());
    return switch (layers) {
      case "grid" -> sweep.grid(own, other);
      case "to-last" -> sweep.grid(own, List.of(Layer.LAST));
      case "earlier" -> earlier(sweep, own, other);
      default -> {
        int n = Math.min(own.size(), other.size());
        yield sweep.pairs(own.subList(0, n), other.subList(0, n));
      }
    };
  }

  private Input input(Source source, Model model, @Nullable Input given, PromptOptions options) {
    if (given != null) {
      return given;
    }
    if (same) {
      return source.input();
    }
    if (target == null) {
      throw new UsageException(name + ": expected a target prompt, got none");
    }
    return Input.of(model.prompt(target, options));
  }

  private static Sweep earlier(Sweep sweep, List<Layer> own, List<Layer> other) {
    List<Layer> from = new ArrayList<>();
    List<Layer> to = new ArrayList<>();
    for (int s = 0; s < own.size(); s++) {
      for (int t = 0; t < Math.min(s, other.size()); t++) {
        from.add(own.get(s));
        to.add(other.get(t));
      }
    }
    return sweep.pairs(from, to);
  }

  /** Read when the first one is asked for. */
  private static final class Bundled {
    private static final String RESOURCE = "presets.json";
    private static final List<Preset> ALL = read();

    private static List<Preset> read() {
      InputStream in = Preset.class.getResourceAsStream(RESOURCE);
      if (in == null) {
        throw new IllegalStateException("the program lacks its resource " + RESOURCE);
      }
      List<Preset> presets = new ArrayList<>();
      for (JsonNode each : Json.read(RESOURCE, in)) {
        String target = text(each, "target");
        boolean same = "same".equals(target);
        presets.add(
            new Preset(
                required(each, "name"),
                required(each, "title"),
                required(each, "row"),
                same ? null : target,
                same,
                text(each, "source_position"),
                text(each, "target_position"),
                required(each, "layers"),
                each.get("new_tokens").intValue(),
                required(each, "read").equals("patched") ? Readout.At.PATCHED : Readout.At.LAST,
                text(each, "needs"),
                each.get("controls").valueStream().map(JsonNode::stringValue).toList()));
      }
      return List.copyOf(presets);
    }

    private static @Nullable String text(JsonNode each, String key) {
      JsonNode value = each.get(key);
      return value == null ? null : value.stringValue();
    }

    private static String required(JsonNode each, String key) {
      return java.util.Objects.requireNonNull(text(each, key), key);
    }
  }
}
