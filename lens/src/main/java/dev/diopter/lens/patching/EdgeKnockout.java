package dev.diopter.lens.patching;

import dev.diopter.engine.Branch;
import dev.diopter.engine.Edit;
import dev.diopter.engine.Model;
import dev.diopter.engine.Operation;
import dev.diopter.engine.Selection;
import dev.diopter.engine.Site;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * Attention knockout (Geva and others, Dissecting Recall of Factual Associations, 2023): the score
 * of a query on one key becomes minus infinity, in all heads or in one, in one layer or in several,
 * and the rest of the row shares its attention. A query without any key left mixes nothing.
 */
public final class EdgeKnockout {
  private static final String NAME = "edge_knockout";

  private EdgeKnockout() {}

  /**
   * Takes out each edge from the destinations.
   *
   * @return one sweep, [layer, destination, source] or [layer, head, destination, source] with the
   *     destinations in the order of the request; sources behind a destination have the metric of
   *     the whole run
   * @throws dev.diopter.engine.UsageException if the request does not fit the model; nothing was
   *     computed
   */
  public static PatchResult run(Model model, KnockoutRequest request) {
    request.metric().requireFits(model.config().vocabulary());
    PatchRuns runs = PatchRuns.of(model, request.prompt(), request.contrast(), List.of());
    float[] clean = runs.base().lastLogits();
    float[] corrupt = runs.source().lastLogits();
    ToDoubleFunction<float[]> measure = request.metric().measure(clean, corrupt);
    double whole = measure.applyAsDouble(clean);
    int layers = runs.layers();
    int heads = request.byHead() ? model.config().heads() : 1;
    int length = runs.length();
    int[] destinations = request.destinations();
    int[] shape = {layers, heads, destinations.length, length};
    double[] values =
        new double[Math.toIntExact((long) layers * heads * destinations.length * length)];
    Arrays.fill(values, whole);
    CellBatch cells = CellBatch.toLogits(runs, request.memoryBytes());
    for (int l = 0; l < layers; l++) {
      int first = request.layers(l, layers)[0];
      int behind = request.layers(l, layers)[1];
      for (int h = 0; h < heads; h++) {
        for (int d = 0; d < destinations.length; d++) {
          for (int source = 0; source <= destinations[d]; source++) {
            int at = Sweep.offset(shape, l, h, d, source);
            Selection edge = Selection.ALL.positions(destinations[d]).keys(source);
            cells.add(
                new Branch(first, destinations[d], runs.streamFrom(first, destinations[d])),
                edits(first, behind, request.byHead() ? edge.heads(h) : edge),
                run -> values[at] = measure.applyAsDouble(run.lastLogits()));
          }
        }
      }
    }
    cells.flush();
    PatchCost cost =
        new PatchCost((long) (length + request.contrast().length()) * layers, 2, values.length, 0)
            .plus(cells.cost());
    List<String> axes = new ArrayList<>(List.of("layer", "destination", "source"));
    if (request.byHead()) {
      axes.add(1, "head");
    } else {
      shape = new int[] {layers, destinations.length, length};
    }
    return new PatchResult(
        clean, corrupt, whole, List.of(new Sweep(NAME, axes, shape, values)), cost);
  }

  private static List<Edit> edits(int first, int behind, Selection edge) {
    List<Edit> edits = new ArrayList<>();
    for (int l = first; l < behind; l++) {
      String hook = Site.ATTN_SCORES.template().replace("{l}", Integer.toString(l));
      edits.add(new Edit(hook, edge, new Operation.Knockout(), false));
    }
    return edits;
  }
}
