package dev.diopter.cli;

import dev.diopter.formats.Json;
import dev.diopter.models.ModelInfo;
import dev.diopter.models.ModelStore;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Mixin;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter models list}: what can be opened by name. */
@picocli.CommandLine.Command(
    name = "list",
    description =
        "List the models that can be opened by name: bundled ones and those in the local Hugging"
            + " Face cache.")
final class ModelsListCommand implements Command {
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  ModelsListCommand(Screen screen) {
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
    ModelStore store = ModelStore.system();
    List<ModelInfo> models = store.list();
    if (result.wanted(output)) {
      result.deliver(object(store, models), screen, output);
    }
    if (!output.json()) {
      print(store, models);
    }
  }

  private static ObjectNode object(ModelStore store, List<ModelInfo> models) {
    ObjectNode object = Json.object();
    object.put("hub_cache", text(store.cacheFolder()));
    ArrayNode array = object.putArray("models");
    for (ModelInfo model : models) {
      ObjectNode entry = array.addObject();
      entry.put("name", model.name());
      entry.put("bundled", isBundled(model));
      entry.put("path", text(model.path()));
      entry.put("problem", model.problem());
      if (model.problem() == null) {
        entry.put("architecture", model.architecture());
        entry.put("parameters", model.parameters());
        entry.put("dtype", model.dtype());
        entry.put("bytes", model.bytes());
      }
    }
    return object;
  }

  private void print(ModelStore store, List<ModelInfo> models) {
    Tables table =
        new Tables()
            .left("model")
            .left("architecture")
            .right("parameters")
            .left("dtype")
            .right("size")
            .left("where");
    for (ModelInfo model : models) {
      if (model.problem() == null) {
        table.row(
            model.name(),
            String.valueOf(model.architecture()),
            Numbers.count(model.parameters()),
            String.valueOf(model.dtype()),
            Numbers.bytes(model.bytes()),
            isBundled(model) ? "bundled" : "hub cache");
      } else {
        table.row(model.name(), "-", "-", "-", "-", "cannot be used: " + model.problem());
      }
    }
    table.print(screen);
    screen.out().println();
    screen
        .out()
        .println(
            Style.of(screen)
                .faint(
                    "  Hugging Face cache: "
                        + (store.cacheFolder() == null ? "none" : store.cacheFolder())));
  }

  private static boolean isBundled(ModelInfo model) {
    return ModelStore.BUNDLED.contains(model.name());
  }

  private static @org.jspecify.annotations.Nullable String text(
      @org.jspecify.annotations.Nullable Path path) {
    return path == null ? null : path.toString();
  }
}
