package dev.diopter.cli;

import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import dev.diopter.lens.tuned.LensConfig;
import dev.diopter.lens.tuned.LensFolders;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter lens list}: the lenses below a folder. */
@picocli.CommandLine.Command(
    name = "list",
    description = "List the tuned lenses below a folder; nothing is fetched.")
final class LensListCommand implements Command {
  @Parameters(index = "0", paramLabel = "DIR", description = "A folder with lenses at any depth.")
  private Path folder = Path.of("");

  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  LensListCommand(Screen screen) {
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
    List<LensFolders.Found> found = LensFolders.list(folder);
    if (result.wanted(output)) {
      result.deliver(object(found), screen, output);
    }
    if (!output.json()) {
      print(found);
    }
  }

  private ObjectNode object(List<LensFolders.Found> found) {
    ObjectNode object = Json.object();
    object.put("folder", folder.toString());
    ArrayNode lenses = object.putArray("lenses");
    for (LensFolders.Found each : found) {
      ObjectNode one = lenses.addObject();
      one.put("path", each.path().toString());
      one.put("problem", each.problem());
      LensConfig config = each.config();
      if (config != null) {
        one.put("model", config.baseModel());
        one.put("revision", config.revision());
        one.put("layers", config.layers());
        one.put("width", config.width());
        one.put("site", config.site().label());
        ArrayNode processing = one.putArray("processing");
        config.processing().forEach(processing::add);
      }
    }
    return object;
  }

  private void print(List<LensFolders.Found> found) {
    Tables table = new Tables().left("lens").left("model").right("layers").right("width");
    table.left("site");
    for (LensFolders.Found each : found) {
      LensConfig config = each.config();
      Path path = folder.relativize(each.path());
      String name = path.toString().isEmpty() ? "." : path.toString();
      if (config == null) {
        table.row(shown(name), "-", "-", "-", shown("cannot be used: " + each.problem()));
      } else {
        table.row(
            shown(name),
            shown(OneLine.name(config.baseModel())),
            Integer.toString(config.layers()),
            Integer.toString(config.width()),
            config.site().label() + processed(config));
      }
    }
    table.print(screen);
  }

  private static String processed(LensConfig config) {
    List<String> steps = config.processing();
    return steps.isEmpty() ? "" : ", processed: " + String.join(", ", steps);
  }

  /** Names and what is wrong come from files, which nobody has checked. */
  private static String shown(String text) {
    return Text.harmless(OneLine.clean(text));
  }
}
