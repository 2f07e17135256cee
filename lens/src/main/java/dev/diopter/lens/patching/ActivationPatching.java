package dev.diopter.lens.patching;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.function.ToDoubleFunction;

/**
 * Activation patching: for each cell of each sweep a run in which one value is another run's, and
 * what the metric says of it. Both prompts run once; a cell's rows leave the run where they change
 * and go on together with those of other cells, so that a block's weights are read for many at a
 * time. A cell has the same bits as a whole run with that edit, whatever runs beside it, on every
 * backend whose rows do not depend on each other.
 *
 * <pre>{@code
 * PatchMetric metric = PatchMetric.normalizedLogitDifference(answer, wrong);
 * PatchResult result = ActivationPatching.run(
 *     model, PatchRequest.of(clean, corrupt, metric, PatchSite.RESID_PRE));
 * double cell = result.sweep(PatchSite.RESID_PRE).at(layer, position);
 * }</pre>
 */
public final class ActivationPatching {
  private ActivationPatching() {}

  /** Runs all sweeps of a request. */
  public static PatchResult run(Model model, PatchRequest request) {
    return run(model, request, _ -> {});
  }

  /**
   * Runs all sweeps of a request.
   *
   * @param layersDone hears how many layers are done, over all hooks: their number times the layers
   * @throws UsageException if the request does not fit the model; nothing was computed
   */
  public static PatchResult run(Model model, PatchRequest request, IntConsumer layersDone) {
    if (request.sites().isEmpty()) {
      throw new UsageException("sites: expected at least one, got none");
    }
    for (PatchSite site : request.sites()) {
      if (!site.site().existsIn(model.config())) {
        throw new UsageException(
            "%s: %s has no %s".formatted(site.name(), model.name(), site.site().template()));
      }
    }
    request.metric().requireFits(model.config().vocabulary());
    List<String> hooks =
        request.sites().stream().map(s -> s.site().template().replace("{l}", "*")).toList();
    PatchRuns runs = PatchRuns.of(model, request.base(), request.source(), hooks);
    boolean denoise = request.direction() == PatchRequest.Direction.DENOISE;
    float[] clean = (denoise ? runs.source() : runs.base()).lastLogits();
    float[] corrupt = (denoise ? runs.base() : runs.source()).lastLogits();
    ToDoubleFunction<float[]> measure = request.metric().measure(clean, corrupt);
    double unpatched = measure.applyAsDouble(runs.base().lastLogits());
    CellBatch cells = CellBatch.toLogits(runs, request.memoryBytes());
    List<HookSweeps> groups = new ArrayList<>();
    int done = 0;
    for (List<PatchSite> group : HookSweeps.groups(request.sites())) {
      HookSweeps sweeps =
          new HookSweeps(runs, group, measure, unpatched, cells, request.memoryBytes());
      groups.add(sweeps);
      for (int layer = 0; layer < runs.layers(); layer++) {
        sweeps.layer(layer);
        layersDone.accept(++done);
      }
    }
    cells.flush();
    PatchCost cost = new PatchCost(2L * runs.length() * runs.layers(), 2, 0, 0).plus(cells.cost());
    List<Sweep> sweeps = new ArrayList<>();
    for (HookSweeps group : groups) {
      cost = cost.plus(group.cost());
      sweeps.addAll(group.sweeps());
    }
    List<String> order = request.sites().stream().map(PatchSite::name).toList();
    sweeps.sort(java.util.Comparator.comparingInt(s -> order.indexOf(s.name())));
    return new PatchResult(clean, corrupt, unpatched, sweeps, cost);
  }
}
