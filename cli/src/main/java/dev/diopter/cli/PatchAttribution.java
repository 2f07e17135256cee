package dev.diopter.cli;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.formats.Json;
import dev.diopter.lens.attribution.Attribution;
import dev.diopter.lens.attribution.LogitDirection;
import dev.diopter.lens.attribution.ResidualParts;
import dev.diopter.models.OpenModel;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What each part of two runs adds to the difference of two logits, and how that changes between
 * them.
 *
 * @param clean by component in the clean run
 * @param corrupt in the corrupt run
 * @param cleanHeads by head in the clean run
 * @param corruptHeads in the corrupt run
 */
record PatchAttribution(
    Attribution clean, Attribution corrupt, Attribution cleanHeads, Attribution corruptHeads) {

  static PatchAttribution of(Model model, Prompt clean, Prompt corrupt, int answer, int wrong) {
    try (OpenModel stored = ProcessOption.stored(model)) {
      LogitDirection direction = LogitDirection.of(stored, answer, wrong);
      ResidualParts a = ResidualParts.of(model, clean, HookPlan.NONE, -1);
      ResidualParts b = ResidualParts.of(model, corrupt, HookPlan.NONE, -1);
      int layers = model.config().layers();
      return new PatchAttribution(
          direction.attribute(a.decomposed(), a),
          direction.attribute(b.decomposed(), b),
          direction.attribute(a.heads(layers, true), a),
          direction.attribute(b.heads(layers, true), b));
    }
  }

  ObjectNode object() {
    ObjectNode object = Json.object();
    object.put("bias", clean.bias());
    object.set("components", array(clean, corrupt));
    object.set("heads", array(cleanHeads, corruptHeads));
    return object;
  }

  private static ArrayNode array(Attribution clean, Attribution corrupt) {
    ArrayNode array = Json.array();
    for (int c = 0; c < clean.labels().size(); c++) {
      ObjectNode entry = array.addObject();
      entry.put("label", clean.labels().get(c));
      entry.put("clean", clean.at(c, 0));
      entry.put("corrupt", corrupt.at(c, 0));
      entry.put("change", clean.at(c, 0) - corrupt.at(c, 0));
    }
    return array;
  }

  /** Prints the components whose part changes most, and the heads. */
  void print(Screen screen, int top) {
    Style style = Style.of(screen);
    screen.out().println();
    screen
        .out()
        .println(
            style.title("  direct attribution")
                + style.faint(" (to the logit difference; change: clean less corrupt)"));
    print(screen, "component", clean, corrupt, top);
    screen.out().println();
    print(screen, "head", cleanHeads, corruptHeads, top);
  }

  private static void print(
      Screen screen, String what, Attribution clean, Attribution corrupt, int top) {
    Tables table = new Tables().left(what).right("clean").right("corrupt").right("change");
    Attribution change = clean.since(corrupt);
    for (int c : change.top(top, 0)) {
      table.row(
          change.labels().get(c),
          Numbers.fixed(clean.at(c, 0), 4),
          Numbers.fixed(corrupt.at(c, 0), 4),
          Numbers.fixed(change.at(c, 0), 4));
    }
    table.row(
        "all, with bias",
        Numbers.fixed(clean.total(0), 4),
        Numbers.fixed(corrupt.total(0), 4),
        Numbers.fixed(change.total(0), 4));
    table.print(screen);
  }
}
