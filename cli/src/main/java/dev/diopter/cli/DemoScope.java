package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.PromptOptions;
import dev.diopter.lens.patchscope.Cell;
import dev.diopter.lens.patchscope.Layer;
import dev.diopter.lens.patchscope.Mapping;
import dev.diopter.lens.patchscope.Patchscope;
import dev.diopter.lens.patchscope.Preset;
import dev.diopter.lens.patchscope.Reading;
import dev.diopter.lens.patchscope.Source;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The patchscope of the demo: what a vector stands for, asked by a prompt of identities.
 *
 * @param cells by country and layer
 */
record DemoScope(List<List<Cell>> cells) {
  /** Whose capitals are asked for. */
  static final List<String> COUNTRIES = List.of("France", "Hungary", "Peru");

  private static final Preset PRESET = Preset.named("token-identity-demo");

  /** What the tokens are, for people. */
  static final String EXPLANATION =
      "the vector at the end of “The capital of France is”, written over the end of “%s”, at each layer: what comes next there, with its probability in %%"
          .formatted(PRESET.target());

  static DemoScope of(Model model) {
    PromptOptions bos = PromptOptions.BOS;
    List<List<Cell>> cells = new ArrayList<>();
    for (String country : COUNTRIES) {
      Source source =
          Source.of(model, model.prompt("The capital of %s is".formatted(country), bos));
      cells.add(Patchscope.of(PRESET.sweep(source, model, null, bos, Mapping.IDENTITY)).run());
    }
    return new DemoScope(cells);
  }

  private static Reading.Candidate best(Cell cell) {
    return cell.reading().top().getFirst();
  }

  /** Titles of the layers. */
  String[] columns() {
    return cells.getFirst().stream()
        .map(cell -> title(cell.patch().source().layer()))
        .toArray(String[]::new);
  }

  private static String title(Layer layer) {
    return DemoLens.title(layer.equals(Layer.EMBED) ? 0 : 1 + layer.block());
  }

  /** What is said of a country at a layer. */
  LensTable.Cell at(Tokens tokens, int column, int country) {
    Reading.Candidate best = best(cells.get(country).get(column));
    return new LensTable.Cell(
        tokens.shown(best.id()),
        Integer.toString(DemoLens.percent(best.probability())),
        best.probability());
  }

  /** Prints a line for each country. */
  void print(Screen screen, Tokens tokens) {
    new LensTable(screen, COUNTRIES.toArray(String[]::new), DemoLens.PERCENT)
        .print(columns(), (column, country) -> at(tokens, column, country));
  }

  void put(ObjectNode object, Tokens tokens) {
    ArrayNode all = object.putArray("patchscope");
    String[] columns = columns();
    for (int country = 0; country < COUNTRIES.size(); country++) {
      ObjectNode entry = all.addObject();
      entry.put("country", COUNTRIES.get(country));
      ArrayNode layers = entry.putArray("layers");
      for (int i = 0; i < columns.length; i++) {
        ObjectNode cell = layers.addObject();
        cell.put("after", columns[i]);
        Reading.Candidate best = best(cells.get(country).get(i));
        tokens.putToken(cell, best.id());
        cell.put("probability", best.probability());
      }
    }
  }
}
