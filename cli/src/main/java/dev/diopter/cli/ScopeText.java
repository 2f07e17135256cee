package dev.diopter.cli;

import dev.diopter.formats.Json;
import dev.diopter.lens.patchscope.Cell;
import dev.diopter.lens.patchscope.CellLayout;
import dev.diopter.lens.patchscope.Counters;
import dev.diopter.lens.patchscope.Estimate;
import dev.diopter.lens.patchscope.Input;
import dev.diopter.lens.patchscope.Layer;
import dev.diopter.lens.patchscope.Reading;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import tools.jackson.databind.node.ObjectNode;

/** Patchscopes as tables and JSON. */
final class ScopeText {
  private static final int LEAST_CELL = 5;
  private static final int MOST_CELL = 14;
  private static final int WIDE_CELL = 6; // room for four digits behind the point
  private static final int LABEL = 7;

  private ScopeText() {}

  /** The tokens of an input, the chosen ones in brackets. */
  static String marked(Input input, int[] positions, Tokens tokens) {
    if (input.soft()) {
      return input.label();
    }
    int[] ids = input.prompt().ids();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < ids.length; i++) {
      int position = i;
      boolean chosen = Arrays.stream(positions).anyMatch(p -> p == position);
      String name = tokens.shown(ids, i);
      text.append(i == 0 ? "" : " ").append(chosen ? "[" + name + "]" : name);
    }
    return text.toString();
  }

  static void row(Tables table, Reading.Candidate candidate, Tokens tokens) {
    table.row(
        Integer.toString(candidate.rank() + 1),
        Integer.toString(candidate.id()),
        tokens.shown(candidate.id()),
        Numbers.fixed(candidate.logit(), 4),
        Numbers.fixed(candidate.probability(), 6));
  }

  /** Puts the counters. */
  static void counters(ObjectNode object, Counters counters) {
    object.set("counters", counters(counters));
  }

  private static ObjectNode counters(Counters counters) {
    ObjectNode object = Json.object();
    object.put("token_layers", counters.tokenLayers());
    object.put("unembeddings", counters.unembeddings());
    return object;
  }

  /** Puts an estimate. */
  static void estimate(ObjectNode object, Estimate estimate, double seconds) {
    ObjectNode inner = object.putObject("estimate");
    inner.put("cells", estimate.cells());
    inner.setAll(counters(estimate.counters()));
    inner.put("exact", estimate.exact());
    inner.set("one_run_each", counters(estimate.naive()));
    inner.put("products", estimate.products());
    inner.put("cells_together", estimate.chunkCells());
    inner.put("bytes", estimate.bytes());
    inner.put("seconds", seconds);
  }

  static void print(Screen screen, Estimate estimate, double seconds) {
    Counters own = estimate.counters();
    Counters naive = estimate.naive();
    Pages.fact(screen, "cells", Numbers.grouped(estimate.cells()));
    Pages.fact(
        screen,
        "token-layers",
        "%s%s; %s with a run for each cell"
            .formatted(
                estimate.exact() ? "" : "at most ",
                Numbers.grouped(own.tokenLayers()),
                Numbers.grouped(naive.tokenLayers())));
    Pages.fact(
        screen,
        "unembeddings",
        "%s; %s with a run for each cell"
            .formatted(Numbers.grouped(own.unembeddings()), Numbers.grouped(naive.unembeddings())));
    Pages.fact(
        screen,
        "memory",
        "about %s, %s cells together"
            .formatted(Numbers.bytes(estimate.bytes()), Numbers.grouped(estimate.chunkCells())));
    Pages.fact(screen, "time", "about " + Numbers.duration(Math.round(seconds * 1e9)));
  }

  /**
   * The best token of each cell, and the probability of each token that was asked for: source
   * layers across, target layers down where it is a grid.
   */
  static void print(Screen screen, String name, List<Cell> cells, Tokens tokens, int columns) {
    Style style = Style.of(screen);
    screen.out().println(style.title(name));
    int room = (screen.width() - LABEL - 2) / Math.max(1, columns) - 1;
    if (columns < 2 || room < LEAST_CELL) {
      list(screen, cells, tokens);
      return;
    }
    int width = Math.min(room, MOST_CELL);
    grid(screen, cells, columns, width, Reading::best, c -> tokens.shown(c.id()));
    for (int i = 0; i < cells.getFirst().reading().tokens().size(); i++) {
      int asked = i;
      String token = tokens.shown(cells.getFirst().reading().tokens().get(i).id());
      screen.out().println();
      screen.out().println(style.title("%s: probability of %s".formatted(name, token)));
      grid(
          screen,
          cells,
          columns,
          width,
          r -> r.tokens().get(asked),
          c -> Numbers.fixed(c.probability(), width < WIDE_CELL ? 3 : 4));
    }
  }

  private static void grid(
      Screen screen,
      List<Cell> cells,
      int columns,
      int width,
      Function<Reading, Reading.Candidate> of,
      Function<Reading.Candidate, String> text) {
    Style style = Style.of(screen);
    int rows = cells.size() / columns;
    CellLayout layout = new CellLayout(cells, columns);
    boolean places = layout.isByPlace();
    StringBuilder head =
        new StringBuilder("  " + Text.padRight(places ? "layer" : "target", LABEL));
    for (int s = 0; s < columns; s++) {
      String name = layout.column(s).replace("from ", "");
      head.append(Text.padRight(Text.fit(Text.visible(name), width), width)).append(' ');
    }
    String above = places ? "position or head" : "source layer";
    screen.out().println("  " + " ".repeat(LABEL) + style.faint(above));
    screen.out().println(style.bold(head.toString().stripTrailing()));
    for (int t = 0; t < rows; t++) {
      StringBuilder line = new StringBuilder("  ");
      String label = places ? layout.row(t) : target(cells, layout, t);
      line.append(Text.padRight(Text.fit(label, LABEL - 1), LABEL));
      for (int s = 0; s < columns; s++) {
        Reading.Candidate shown = of.apply(cells.get(s * rows + t).reading());
        String name = Text.padRight(Text.fit(text.apply(shown), width), width);
        line.append(style.heat(name, shown.probability())).append(' ');
      }
      screen.out().println(line.toString().stripTrailing());
    }
  }

  /** The target layer of a row; where each column has another one, they are pairs. */
  private static String target(List<Cell> cells, CellLayout layout, int row) {
    List<String> targets = layout.targets(row);
    if (!targets.isEmpty()) {
      return targets.getFirst();
    }
    return cells.stream().allMatch(c -> c.route().sourceEntry() == c.route().targetEntry())
        ? "same"
        : "pairs";
  }

  private static void list(Screen screen, List<Cell> cells, Tokens tokens) {
    Tables table =
        new Tables()
            .right("source")
            .right("target")
            .left("positions")
            .left("token")
            .right("probability");
    List<Reading.Candidate> asked = cells.getFirst().reading().tokens();
    asked.forEach(c -> table.right("P(" + Text.fit(tokens.shown(c.id()), MOST_CELL) + ")"));
    table.left("text");
    for (Cell cell : cells) {
      Reading.Candidate best = cell.reading().best();
      String text = cell.text();
      List<String> row = new ArrayList<>();
      row.add(layer(cell.route().sourceEntry()));
      row.add(layer(cell.route().targetEntry()));
      row.add(places(cell.sourcePositions()) + " > " + places(cell.targetPositions()));
      row.add(Text.fit(tokens.shown(best.id()), MOST_CELL));
      row.add(Numbers.fixed(best.probability(), 4));
      cell.reading().tokens().forEach(c -> row.add(Numbers.fixed(c.probability(), 4)));
      row.add(text == null ? TokenIds.join(cell.generatedIds()) : Text.visible(text));
      table.row(row.toArray(String[]::new));
    }
    table.print(screen);
  }

  private static String places(int[] positions) {
    int n = positions.length;
    boolean run = IntStream.range(1, n).allMatch(i -> positions[i] == positions[0] + i);
    return n > 2 && run
        ? positions[0] + "-" + positions[n - 1]
        : String.join(",", Arrays.stream(positions).mapToObj(Integer::toString).toList());
  }

  static String layer(int entry) {
    return Layer.ofEntry(entry).label();
  }
}
