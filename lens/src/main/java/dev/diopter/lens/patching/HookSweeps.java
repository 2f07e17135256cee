package dev.diopter.lens.patching;

import dev.diopter.engine.Activation;
import dev.diopter.engine.Branch;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Site;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * The sweeps of one hook. Where a value reaches no other row inside its block, one pass through the
 * block with all rows changed gives the stream behind it for every position at once; each cell then
 * goes on from there as rows of a batch. Other cells enter in front of their block.
 */
final class HookSweeps {
  private final PatchRuns runs;
  private final List<PatchSite> sites;
  private final double[][] values;
  private final ToDoubleFunction<float[]> measure;
  private final CellBatch cells;
  private final long budget;
  private final boolean rowwise;
  private long through; // rows through a block in front of which nothing changes

  HookSweeps(
      PatchRuns runs,
      List<PatchSite> sites,
      ToDoubleFunction<float[]> measure,
      double unpatched,
      CellBatch cells,
      long budget) {
    this.runs = runs;
    this.sites = sites;
    this.measure = measure;
    this.cells = cells;
    this.budget = budget;
    this.rowwise = sites.getFirst().staysInItsRow();
    this.values = new double[sites.size()][];
    for (int s = 0; s < values.length; s++) {
      long size = 1;
      for (int n : shape(s)) {
        size *= n;
      }
      values[s] = new double[Math.toIntExact(size)];
      Arrays.fill(values[s], unpatched);
    }
  }

  /** Sites of the same hook together, in the order of their first. */
  static Collection<List<PatchSite>> groups(List<PatchSite> sites) {
    Map<Site, List<PatchSite>> groups = new LinkedHashMap<>();
    sites.forEach(s -> groups.computeIfAbsent(s.site(), _ -> new ArrayList<>()).add(s));
    return groups.values();
  }

  private int[] shape(int s) {
    return sites.get(s).shape(runs.model().config(), runs.length());
  }

  /** The results, once the batch of cells has been flushed. */
  List<Sweep> sweeps() {
    List<Sweep> sweeps = new ArrayList<>();
    for (int s = 0; s < values.length; s++) {
      PatchSite site = sites.get(s);
      sweeps.add(new Sweep(site.name(), site.grid().axes(), shape(s), values[s]));
    }
    return sweeps;
  }

  /** Cells of the sweeps, and rows through blocks in front of them. */
  PatchCost cost() {
    long count = 0;
    for (double[] sweep : values) {
      count += sweep.length;
    }
    return new PatchCost(through, 0, count, 0);
  }

  /** Hands all cells of a layer to the batch. */
  void layer(int layer) {
    List<Values> variations = variations(layer);
    if (sites.getFirst().site() == Site.RESID_PRE) {
      for (Values v : variations) {
        int[] changed = v.changed();
        if (changed.length > 0) {
          int width = runs.model().config().width();
          float[] all = v.source().values();
          float[] rows = Arrays.copyOfRange(all, changed[0] * width, all.length);
          behind(layer, layer, v, changed, changed[0], rows);
        }
      }
    } else if (rowwise) {
      throughBlock(layer, variations);
    } else {
      variations.forEach(v -> inFront(layer, v));
    }
  }

  private List<Values> variations(int layer) {
    String hook = sites.getFirst().hook(layer);
    Activation source = runs.sourceValue(hook);
    Activation base = runs.baseValue(hook);
    List<Values> all = new ArrayList<>();
    if (sites.stream().anyMatch(s -> !s.grid().byHead())) {
      all.add(new Values(source, base, -1, -1));
    }
    boolean byKey = sites.stream().anyMatch(s -> s.grid() == Grid.HEAD_QUERY_KEY);
    boolean byHead =
        sites.stream().anyMatch(s -> s.grid().byHead() && s.grid() != Grid.HEAD_QUERY_KEY);
    PatchSite widest = sites.stream().filter(s -> s.grid().byHead()).findFirst().orElse(null);
    int heads = widest == null ? 0 : widest.heads(runs.model().config());
    for (int h = 0; h < heads; h++) {
      if (byHead) {
        all.add(new Values(source, base, h, -1));
      }
      for (int k = 0; byKey && k < runs.length(); k++) {
        all.add(new Values(source, base, h, k));
      }
    }
    return all;
  }

  /** One pass through the block for each variation; cells go on behind it. */
  private void throughBlock(int layer, List<Values> variations) {
    boolean last = layer == runs.layers() - 1;
    String behind =
        last ? runs.streamHook(layer + 1) : "blocks.%d.hook_resid_post".formatted(layer);
    CellBatch block = CellBatch.toHooks(runs, budget, List.of(behind));
    int length = runs.length();
    for (Values v : variations) {
      int[] changed = v.changed();
      if (changed.length == 0) {
        continue;
      }
      // Behind the last block only the last row counts.
      int from = last ? length - 1 : changed[0];
      int[] counting =
          last ? Arrays.stream(changed).filter(p -> p == length - 1).toArray() : changed;
      if (counting.length > 0) {
        through += length - from;
        block.add(
            new Branch(layer, from, runs.streamFrom(layer, from)),
            List.of(v.edit(from, length)),
            run -> behind(layer, layer + 1, v, counting, from, rows(run, behind)));
      }
    }
    block.flush();
  }

  private static float[] rows(RunResult run, String hook) {
    return run.activation(hook).values();
  }

  /**
   * Cells that leave the base run in front of block {@code entry}.
   *
   * @param rows the stream there from position {@code from} on, all of it changed
   */
  private void behind(int layer, int entry, Values v, int[] changed, int from, float[] rows) {
    int width = runs.model().config().width();
    for (int s = 0; s < sites.size(); s++) {
      Grid grid = sites.get(s).grid();
      if (!belongs(grid, v)) {
        continue;
      }
      if (grid == Grid.HEAD) {
        cell(s, layer, v, -1, new Branch(entry, from, rows));
        continue;
      }
      for (int p : changed) {
        float[] own = runs.streamFrom(entry, p);
        System.arraycopy(rows, (p - from) * width, own, 0, width);
        cell(s, layer, v, p, new Branch(entry, p, own));
      }
    }
  }

  private static boolean belongs(Grid grid, Values v) {
    return grid.byHead() == v.head() >= 0 && (grid == Grid.HEAD_QUERY_KEY) == v.key() >= 0;
  }

  private void cell(int s, int layer, Values v, int position, Branch branch) {
    cells.add(branch, List.of(), taker(s, layer, v, position));
  }

  /** Cells that enter in front of the block of their edit. */
  private void inFront(int layer, Values v) {
    int[] changed = v.changed();
    if (changed.length == 0) {
      return;
    }
    int length = runs.length();
    for (int s = 0; s < sites.size(); s++) {
      Grid grid = sites.get(s).grid();
      if (!belongs(grid, v)) {
        continue;
      }
      if (grid == Grid.HEAD) {
        int from = changed[0];
        cells.add(
            new Branch(layer, from, runs.streamFrom(layer, from)),
            List.of(v.edit(from, length)),
            taker(s, layer, v, -1));
        continue;
      }
      for (int p : changed) {
        cells.add(
            new Branch(layer, p, runs.streamFrom(layer, p)),
            List.of(v.edit(p, p + 1)),
            taker(s, layer, v, p));
      }
    }
  }

  private java.util.function.Consumer<RunResult> taker(int s, int layer, Values v, int position) {
    int[] index =
        switch (sites.get(s).grid()) {
          case POSITION -> new int[] {layer, position};
          case POSITION_HEAD -> new int[] {layer, position, v.head()};
          case HEAD -> new int[] {layer, v.head()};
          case HEAD_QUERY -> new int[] {layer, v.head(), position};
          case HEAD_QUERY_KEY -> new int[] {layer, v.head(), position, v.key()};
        };
    int at = Sweep.offset(shape(s), index);
    return run -> values[s][at] = measure.applyAsDouble(run.lastLogits());
  }
}
