package dev.diopter.cli;

import dev.diopter.formats.Json;
import dev.diopter.lens.patchscope.Preset;
import java.util.Locale;
import picocli.CommandLine.Mixin;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter patchscope presets}: published configurations. */
@picocli.CommandLine.Command(
    name = "presets",
    description = "List the configurations that patchscope over --preset takes.",
    footer = {"", "Example: diopter patchscope presets"})
final class PatchscopePresetsCommand implements Command {
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  PatchscopePresetsCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    result.validate();
    if (result.wanted(output)) {
      result.deliver(object(), screen, output);
    }
    if (!output.json()) {
      Tables table =
          new Tables().left("preset").left("row").left("layers").left("needs").left("what");
      for (Preset preset : Preset.all()) {
        String needs = preset.needs();
        table.row(
            preset.name(),
            preset.row(),
            preset.layers(),
            needs == null ? "" : "--" + needs,
            preset.title());
      }
      table.print(screen);
    }
  }

  private static ObjectNode object() {
    ObjectNode object = Json.object();
    ArrayNode presets = object.putArray("presets");
    for (Preset preset : Preset.all()) {
      ObjectNode each = presets.addObject();
      each.put("name", preset.name());
      each.put("row", preset.row());
      each.put("title", preset.title());
      each.put("target", preset.same() ? "same" : preset.target());
      each.put("source_position", preset.sourcePosition());
      each.put("target_position", preset.targetPosition());
      each.put("layers", preset.layers());
      each.put("new_tokens", preset.newTokens());
      each.put("read", preset.read().name().toLowerCase(Locale.ROOT));
      each.put("needs", preset.needs());
      ArrayNode controls = each.putArray("controls");
      preset.controls().forEach(controls::add);
    }
    return object;
  }
}
