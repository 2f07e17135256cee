package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * How the cells of a sweep lie in a table, column by column in their declared order. Where every
 * source layer goes into several target layers, a column is a source layer and a row a target
 * layer. Where layers go together as pairs and positions or heads vary besides, a column is such a
 * place and a row a pair of layers. Immutable.
 */
public final class CellLayout {
  private final List<Cell> cells;
  private final int columns;
  private final boolean sourcesDiffer;
  private final boolean targetsDiffer;

  /**
   * A layout.
   *
   * @param cells all of them; a whole number of columns
   * @param columns how many
   */
  public CellLayout(List<Cell> cells, int columns) {
    this.cells = List.copyOf(cells);
    this.columns = columns;
    String from = from(cells.getFirst());
    String to = to(cells.getFirst());
    sourcesDiffer = !cells.stream().allMatch(c -> from(c).equals(from));
    // Where both sides vary together, one of them says it.
    targetsDiffer =
        !cells.stream().allMatch(c -> to(c).equals(to))
            && !cells.stream().allMatch(c -> from(c).equals(to(c)));
  }

  /** The layout that fits cells. */
  public static CellLayout of(List<Cell> cells) {
    int places = run(cells, CellLayout::place);
    int layers = run(cells, c -> List.of(c.route().sourceEntry(), place(c)));
    boolean pairs = places < cells.size() && layers == 1;
    int rows = pairs ? places : layers;
    return new CellLayout(cells, cells.size() % rows == 0 ? cells.size() / rows : 1);
  }

  /** How many cells at the beginning have the first one's key. */
  private static int run(List<Cell> cells, Function<Cell, Object> key) {
    Object first = key.apply(cells.getFirst());
    int count = 1;
    while (count < cells.size() && key.apply(cells.get(count)).equals(first)) {
      count++;
    }
    return count;
  }

  /** Everything that can vary but the layers. */
  private static Object place(Cell cell) {
    return List.of(
        cell.patch().source().input(),
        ints(cell.sourcePositions()),
        cell.patch().source().heads(),
        cell.patch().target().input(),
        ints(cell.targetPositions()),
        cell.patch().target().heads());
  }

  private static List<Integer> ints(int[] numbers) {
    return Arrays.stream(numbers).boxed().toList();
  }

  /** How many columns. */
  public int columns() {
    return columns;
  }

  /** How many rows. */
  public int rows() {
    return cells.size() / columns;
  }

  /** A cell. */
  public Cell at(int row, int column) {
    return cells.get(column * rows() + row);
  }

  /** Whether columns are places and rows pairs of layers. */
  public boolean isByPlace() {
    Set<Integer> sources = new HashSet<>();
    for (int row = 0; row < rows(); row++) {
      sources.add(at(row, 0).route().sourceEntry());
    }
    return sources.size() > 1;
  }

  /** What a column is, in a few words. */
  public String column(int column) {
    Cell cell = at(0, column);
    String place = varied(cell);
    if (!isByPlace()) {
      String layer = "from " + Slots.label(cell.route().sourceEntry());
      return place.isEmpty() ? layer : layer + " " + place;
    }
    return place.isEmpty() ? "cell " + column : place;
  }

  /** What a row is, in a few words. */
  public String row(int row) {
    Mapping.Route first = at(row, 0).route();
    if (isByPlace()) {
      return first.sourceEntry() == first.targetEntry()
          ? "layer " + Slots.label(first.targetEntry())
          : Slots.label(first.sourceEntry()) + " to " + Slots.label(first.targetEntry());
    }
    boolean one =
        IntStream.range(0, columns)
            .allMatch(c -> at(row, c).route().targetEntry() == first.targetEntry());
    return one ? "to " + Slots.label(first.targetEntry()) : "to its pair";
  }

  /** Positions and heads where cells differ in them; the target's behind a {@code >}. */
  private String varied(Cell cell) {
    String from = sourcesDiffer ? from(cell) : "";
    String to = targetsDiffer ? "> " + to(cell) : "";
    return (from + " " + to).strip();
  }

  private static String from(Cell cell) {
    Source source = cell.patch().source();
    return label(source.model(), source.input(), cell.sourcePositions(), source.heads());
  }

  private static String to(Cell cell) {
    Target target = cell.patch().target();
    return label(target.model(), target.input(), cell.targetPositions(), target.heads());
  }

  private static String label(Model model, Input input, int[] positions, Heads heads) {
    int[] at = Arrays.stream(positions).distinct().toArray();
    StringBuilder text = new StringBuilder("@").append(at[0]);
    if (at.length > 1) {
      text.append("..").append(at[at.length - 1]);
    } else if (!input.soft()) {
      String token = CellJson.label(model, input.prompt().ids()[at[0]]);
      text.append(token == null ? "" : " " + token.strip());
    }
    if (!heads.isNone()) {
      text.append(" H");
      text.append(String.join(",", heads.numbers().stream().map(String::valueOf).toList()));
    }
    return text.toString();
  }
}
