package dev.diopter.cli;

import dev.diopter.engine.Axis;
import dev.diopter.engine.HookRegistry;
import dev.diopter.engine.Site;
import dev.diopter.formats.Json;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter hooks}: every value that a model has a name for. */
@picocli.CommandLine.Command(
    name = "hooks",
    description = "List a model's hook points with their shapes, in the order of the pass.")
final class HooksCommand implements Command {
  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String name = "";

  @Option(
      names = "--all",
      description = "One line for each layer; otherwise the layers share one.")
  private boolean all;

  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  HooksCommand(Screen screen) {
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
    DecoderConfig config;
    try (OpenModel model = ModelStore.system().open(name)) {
      config = model.config();
    }
    if (result.wanted(output)) {
      result.deliver(object(config), screen, output);
    }
    if (!output.json()) {
      print(config);
    }
  }

  private ObjectNode object(DecoderConfig config) {
    ObjectNode object = Json.object();
    object.put("model", name);
    ArrayNode hooks = object.putArray("hooks");
    for (HookRegistry.Entry entry : HookRegistry.of(config).entries()) {
      ObjectNode hook = hooks.addObject();
      hook.put("name", entry.name());
      if (entry.point().layer() >= 0) {
        hook.put("layer", entry.point().layer());
      } else {
        hook.putNull("layer");
      }
      ArrayNode axes = hook.putArray("axes");
      ArrayNode shape = hook.putArray("shape");
      for (Axis axis : entry.point().site().axes()) {
        axes.add(axis.label());
        int size = axis.size(config);
        if (size < 0) {
          shape.add(axis.label());
        } else {
          shape.add(size);
        }
      }
      hook.put("optional", entry.optional());
      hook.put("meaning", entry.meaning());
    }
    return object;
  }

  private void print(DecoderConfig config) {
    Tables table = new Tables().left("hook").left("shape").left("meaning");
    int count = 0;
    for (HookRegistry.Entry entry : HookRegistry.of(config).entries()) {
      count++;
      Site site = entry.point().site();
      boolean folded = site.inBlock() && !all;
      if (folded && entry.point().layer() > 0) {
        continue;
      }
      String shown = folded ? site.template().replace("{l}", "{0-" + (config.layers() - 1) + "}") : entry.name();
      table.row(
          folded && config.layers() == 1 ? entry.name() : shown,
          entry.shape(),
          entry.meaning() + (entry.optional() ? " (optional)" : ""));
    }
    table.print(screen);
    screen.out().println();
    screen
        .out()
        .println(
            Style.of(screen)
                .faint("  %d points; the optional ones are left out by '*' and named by 'optional:*'".formatted(count)));
  }
}
