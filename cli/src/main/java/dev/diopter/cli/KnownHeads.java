package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.lens.attention.HeadScores;
import dev.diopter.lens.attention.HeadScores.Column;
import dev.diopter.lens.attention.HeadTable;
import dev.diopter.lens.attention.OvCircuit;
import dev.diopter.lens.attention.RepeatedSequence;
import dev.diopter.lens.attention.Sampling;
import dev.diopter.lens.attention.SinkSet;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The heads that do a well-known thing most.
 *
 * @param all every head's scores
 */
record KnownHeads(List<HeadScores> all) {
  private static final int PERIOD = 30;
  private static final List<Column> SHOWN =
      List.of(
          Column.PREVIOUS_TOKEN,
          Column.DUPLICATE_TOKEN,
          Column.INDUCTION,
          Column.SINK_SHARE,
          Column.COPYING);

  static KnownHeads of(Model model) {
    try (OpenModel stored = ModelStore.system().open(model.name())) {
      return new KnownHeads(
          HeadTable.of(
              model,
              RepeatedSequence.random(model, PERIOD, 0),
              null,
              Sampling.DEFAULT,
              SinkSet.FIRST,
              OvCircuit.copyingScores(stored, _ -> {}),
              _ -> {}));
    }
  }

  private static String words(Column column) {
    return switch (column) {
      case PREVIOUS_TOKEN -> "looks at the token before";
      case DUPLICATE_TOKEN -> "looks at the same token, earlier";
      case INDUCTION -> "looks at what followed the same token";
      case SINK_SHARE -> "looks at the first token, whatever it is";
      case COPYING -> "makes more likely what it looks at (by its weights, -1 to 1)";
      default -> column.title();
    };
  }

  /** Prints a line for each thing. */
  void print(Screen screen) {
    Tables table = new Tables().left("head").right("score").left("what it does");
    for (Column column : SHOWN) {
      HeadScores best = column.sorted(all).getFirst();
      table.row(
          "%d.%d".formatted(best.head().layer(), best.head().head()),
          Numbers.fixed(column.of(best), 2),
          words(column));
    }
    table.print(screen);
  }

  /** Puts the same. */
  void put(ObjectNode object) {
    ArrayNode array = object.putArray("heads");
    for (Column column : SHOWN) {
      HeadScores best = column.sorted(all).getFirst();
      ObjectNode entry = array.addObject();
      entry.put("score", column.key());
      entry.put("layer", best.head().layer());
      entry.put("head", best.head().head());
      entry.put("value", column.of(best));
    }
  }
}
