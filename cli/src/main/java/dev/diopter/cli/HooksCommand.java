package dev.diopter.cli;

import dev.diopter.engine.Axis;
import dev.diopter.engine.HookRegistry;
import dev.diopter.engine.Site;
import dev.diopter.formats.Json;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter hooks}: every value that a model has a name for. */
@picocli.CommandLine.Command(
    name = "hooks",
    description = "List a model's hook points with their shapes, in the order of the pass.",
    footer = {"", "Example: diopter hooks demo-gpt2"})
final class HooksCommand implements Command {
  private static final String OPTIONAL = "\u2218";

  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String name = "";

  @Option(names = "--all", description = "One line for each layer; otherwise the layers share one.")
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
    Tables table = new Tables().left("hook").left("shape").left("").left("meaning");
    int count = 0;
    for (HookRegistry.Entry entry : HookRegistry.of(config).entries()) {
      count++;
      Site site = entry.point().site();
      boolean folded = site.inBlock() && !all;
      if (folded && entry.point().layer() > 0) {
        continue;
      }
      String shown =
          folded
              ? site.template().replace("{l}", "{0-" + (config.layers() - 1) + "}")
              : entry.name();
      table.row(
          folded && config.layers() == 1 ? entry.name() : shown,
          shape(site, config),
          entry.optional() ? OPTIONAL : "",
          entry.meaning());
    }
    table.print(screen);
    screen.out().println();
    Style style = Style.of(screen);
    screen.out().println(style.faint("  sizes: " + sizes(config)));
    screen
        .out()
        .println(
            style.faint(
                "  %d points; those with %s are optional: '*' leaves them out, 'optional:*' names them"
                    .formatted(count, OPTIONAL)));
  }

  /** Axes that the model decides as sizes, the others by name. */
  private static String shape(Site site, DecoderConfig config) {
    return site.axes().stream()
        .map(axis -> axis.size(config) < 0 ? axis.label() : Integer.toString(axis.size(config)))
        .collect(Collectors.joining(", ", "[", "]"));
  }

  private static String sizes(DecoderConfig config) {
    return Stream.of(Axis.HEAD, Axis.KV_HEAD, Axis.HEAD_DIM, Axis.MODEL, Axis.MLP, Axis.VOCAB)
        .map(axis -> axis.label() + " " + axis.size(config))
        .collect(Collectors.joining(", "));
  }
}
