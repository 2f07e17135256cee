package dev.diopter.lens.patching;

import dev.diopter.engine.UsageException;
import java.util.Arrays;
import java.util.List;

/**
 * What sweeps gave.
 *
 * @param cleanLogits last row of logits of the clean run
 * @param corruptLogits of the corrupt run
 * @param unpatched the metric of the run that is patched, before it is
 * @param sweeps in the order of the request
 * @param cost what was computed
 */
public record PatchResult(
    float[] cleanLogits,
    float[] corruptLogits,
    double unpatched,
    List<Sweep> sweeps,
    PatchCost cost) {

  public PatchResult {
    sweeps = List.copyOf(sweeps);
  }

  /**
   * The sweep of a site.
   *
   * @throws UsageException where it was not asked for
   */
  public Sweep sweep(String name) {
    return sweeps.stream()
        .filter(s -> s.name().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new UsageException(
                "%s was not swept; there are %s"
                    .formatted(name, sweeps.stream().map(Sweep::name).toList())));
  }

  /** The sweep of a site. */
  public Sweep sweep(PatchSite site) {
    return sweep(site.name());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PatchResult r
        && Arrays.equals(cleanLogits, r.cleanLogits)
        && Arrays.equals(corruptLogits, r.corruptLogits)
        && unpatched == r.unpatched
        && sweeps.equals(r.sweeps)
        && cost.equals(r.cost);
  }

  @Override
  public int hashCode() {
    return sweeps.hashCode();
  }
}
