package dev.diopter.cli;

import dev.diopter.lens.patching.Sweep;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Sweeps in a terminal: a table with a column for each layer where it fits, or else a list. */
final class PatchPage {
  private static final int CELL = 6;
  private static final int LABEL = 14;

  private final Screen screen;
  private final Tokens tokens;
  private final int[] clean;
  private final int[] corrupt;
  private final int top;

  PatchPage(Screen screen, Tokens tokens, int[] clean, int[] corrupt, int top) {
    this.screen = screen;
    this.tokens = tokens;
    this.clean = clean;
    this.corrupt = corrupt;
    this.top = top;
  }

  void print(List<PatchSweeps.Named> sweeps) {
    Style style = Style.of(screen);
    for (PatchSweeps.Named named : sweeps) {
      Sweep sweep = named.sweep();
      double whole = named.unpatched();
      screen.out().println();
      screen
          .out()
          .println(
              style.title("  " + sweep.name())
                  + style.faint(" (unpatched " + Numbers.fixed(whole, 4) + ")"));
      boolean layers = sweep.axes().getFirst().equals("layer") && sweep.shape().length == 2;
      if (layers && sweep.shape()[0] * (CELL + 2) + LABEL + 2 <= screen.width()) {
        table(sweep, whole, style);
      } else {
        list(sweep, whole);
      }
    }
  }

  private void table(Sweep sweep, double whole, Style style) {
    boolean positions = sweep.axes().get(1).equals("position");
    Tables table = new Tables().left(sweep.axes().get(1));
    for (int l = 0; l < sweep.shape()[0]; l++) {
      table.right("L" + l);
    }
    double most = 0;
    for (double value : sweep.values()) {
      most = Math.max(most, Math.abs(value - whole));
    }
    for (int i = 0; i < sweep.shape()[1]; i++) {
      String[] cells = new String[sweep.shape()[0] + 1];
      cells[0] = positions ? place(i) : Integer.toString(i);
      for (int l = 0; l < sweep.shape()[0]; l++) {
        double value = sweep.at(l, i);
        String text = Text.padLeft(Numbers.fixed(value, 3), CELL);
        cells[l + 1] = most == 0 ? text : style.heat(text, Math.abs(value - whole) / most);
      }
      table.row(cells);
    }
    table.print(screen);
  }

  /** A position with its token, or both where the prompts differ. */
  private String place(int position) {
    String at = Pages.place(tokens, clean, position);
    return corrupt.length == clean.length && corrupt[position] != clean[position]
        ? at + " / " + tokens.shown(corrupt, position)
        : at;
  }

  /** The cells that change most. */
  private void list(Sweep sweep, double whole) {
    Tables table = new Tables();
    sweep.axes().forEach(table::right);
    table.right("value").right("change");
    List<Integer> order =
        new ArrayList<>(IntStream.range(0, sweep.values().length).boxed().toList());
    order.sort(Comparator.comparingDouble((Integer i) -> -Math.abs(sweep.values()[i] - whole)));
    for (int i : order.subList(0, Math.min(top, order.size()))) {
      String[] cells = new String[sweep.shape().length + 2];
      int rest = i;
      for (int a = sweep.shape().length - 1; a >= 0; a--) {
        cells[a] = Integer.toString(rest % sweep.shape()[a]);
        rest /= sweep.shape()[a];
      }
      double value = sweep.values()[i];
      cells[cells.length - 2] = Numbers.fixed(value, 4);
      cells[cells.length - 1] = Numbers.fixed(value - whole, 4);
      table.row(cells);
    }
    table.print(screen);
  }
}
