package dev.diopter.lens.patchscope;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** What the clean pass of a source gave: values at the places that patches take from. */
final class CleanSource {
  private final RunResult run;
  private final int layers;
  private final Map<Integer, Distribution> said = new HashMap<>();

  private CleanSource(RunResult run, int layers) {
    this.run = run;
    this.layers = layers;
  }

  static CleanSource run(Resolved.Reader reader, Set<String> sites, Set<Integer> logitRows) {
    HookPlan plan = reader.input().embedding().and(HookPlan.reading(sites.toArray(String[]::new)));
    int[] rows = logitRows.stream().mapToInt(Integer::intValue).toArray();
    Logits logits = rows.length == 0 ? Logits.NONE : Logits.at(rows);
    RunRequest request = RunRequest.of(reader.input().prompt()).plan(plan).logits(logits);
    return new CleanSource(
        reader.model().run(request).getFirst(), reader.model().config().layers());
  }

  /** The vector of a slot, a copy. */
  float[] vector(Slots slots, int slot) {
    float[] values = run.activation(slots.site(layers)).values();
    int width = slots.width();
    int at = slots.positions()[slot];
    if (slots.onHeads()) {
      int heads = values.length / (run.ids().length * width);
      at = at * heads + slots.heads()[slot];
    }
    return Arrays.copyOfRange(values, at * width, (at + 1) * width);
  }

  /** What the source's model says behind a position. */
  Distribution said(int position) {
    return said.computeIfAbsent(position, p -> new Distribution(Rows.row(run, p)));
  }
}
