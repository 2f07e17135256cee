package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
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
  private final Varied source;
  private final Varied target;
  private final boolean together;

  /** What of a side's places is not the same in all cells. */
  private record Varied(boolean positions, boolean heads) {}

  /**
   * A layout.
   *
   * @param cells all of them; a whole number of columns
   * @param columns how many
   */
  public CellLayout(List<Cell> cells, int columns) {
    this.cells = List.copyOf(cells);
    this.columns = columns;
    source = new Varied(differ(CellLayout::fromPosition), differ(CellLayout::fromHeads));
    target = new Varied(differ(CellLayout::toPosition), differ(CellLayout::toHeads));
    boolean positions = source.positions || target.positions;
    boolean heads = source.heads || target.heads;
    together =
        this.cells.stream()
            .allMatch(c ->
                (!positions || Arrays.equals(c.sourcePositions(), c.targetPositions()))
                    && (!heads || fromHeads(c).equals(toHeads(c))));
  }

  private boolean differ(Function<Cell, String> label) {
    return cells.stream().map(label).distinct().count() > 1;
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
          ? Slots.label(first.targetEntry())
          : Slots.label(first.sourceEntry()) + " to " + Slots.label(first.targetEntry());
    }
    List<String> targets = targets(row);
    return targets.isEmpty() ? "to its pair" : "to " + String.join(" or ", targets);
  }

  /**
   * The target layer of a row; two of them where a last block is {@code final} for some sources, as
   * in the paper's code; none where each column has another one.
   */
  public List<String> targets(int row) {
    List<String> labels =
        IntStream.range(0, columns)
            .mapToObj(c -> Slots.label(at(row, c).route().targetEntry()))
            .distinct()
            .toList();
    Model model = at(row, 0).patch().target().model();
    boolean last =
        labels.equals(List.of(Integer.toString(model.config().layers() - 1), Layer.FINAL.label()));
    return labels.size() == 1 || last ? labels : List.of();
  }

  /** What columns are. */
  String columnAxis() {
    List<String> what = new ArrayList<>();
    if (!isByPlace()) {
      what.add("Source layer");
    }
    if (source.positions || target.positions) {
      what.add("position");
    }
    if (source.heads || target.heads) {
      what.add("head");
    }
    String text = what.isEmpty() ? "cell" : String.join(", ", what);
    return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
  }

  /** What rows are. */
  String rowAxis() {
    return isByPlace() ? "Source and target layer" : "Target layer";
  }

  /** Positions and heads where cells differ in them; the target's behind a {@code >}. */
  private String varied(Cell cell) {
    if (together) {
      // Said once, but for the tokens there.
      String from = source.positions || target.positions ? fromPosition(cell) : "";
      String to = from.isEmpty() ? "" : toPosition(cell);
      String other = to.equals(from) ? "" : ">" + to.substring(to.indexOf(' ') + 1);
      return (from + other + " " + (source.heads ? fromHeads(cell) : "")).strip();
    }
    String from =
        (source.positions ? fromPosition(cell) + " " : "") + (source.heads ? fromHeads(cell) : "");
    String to =
        (target.positions ? toPosition(cell) + " " : "") + (target.heads ? toHeads(cell) : "");
    return (from.strip() + (to.isEmpty() ? "" : " > " + to)).strip();
  }

  private static String fromPosition(Cell cell) {
    Source source = cell.patch().source();
    return position(source.model(), source.input(), cell.sourcePositions());
  }

  private static String toPosition(Cell cell) {
    Target target = cell.patch().target();
    return position(target.model(), target.input(), cell.targetPositions());
  }

  private static String fromHeads(Cell cell) {
    return heads(cell.patch().source().heads());
  }

  private static String toHeads(Cell cell) {
    return heads(cell.patch().target().heads());
  }

  private static String position(Model model, Input input, int[] positions) {
    int[] at = Arrays.stream(positions).distinct().toArray();
    if (at.length > 1) {
      return "@" + at[0] + ".." + at[at.length - 1];
    }
    String token = input.soft() ? null : CellJson.label(model, input.prompt().ids()[at[0]]);
    return "@" + at[0] + (token == null ? "" : " " + token.strip());
  }

  private static String heads(Heads heads) {
    return heads.isNone()
        ? ""
        : "H" + String.join(",", heads.numbers().stream().map(String::valueOf).toList());
  }
}
