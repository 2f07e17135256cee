package dev.diopter.lens.patchscope;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.KeyValueStore;
import dev.diopter.engine.Logits;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** What the clean pass of a target gave: keys, values, and the stream where patches leave it. */
final class CleanTarget {
  private final RunResult run;
  private final int layers;
  private final int width;
  private final Map<Integer, Distribution> said = new HashMap<>();

  private CleanTarget(RunResult run, int layers, int width) {
    this.run = run;
    this.layers = layers;
    this.width = width;
  }

  static CleanTarget run(Resolved.Reader reader, Set<String> sites, Logits logits) {
    HookPlan plan = reader.input().embedding().and(HookPlan.reading(sites.toArray(String[]::new)));
    RunRequest request =
        RunRequest.of(reader.input().prompt()).plan(plan).logits(logits).keepingKeyValues();
    return new CleanTarget(
        reader.model().run(request).getFirst(),
        reader.model().config().layers(),
        reader.model().config().width());
  }

  KeyValueStore store() {
    return Objects.requireNonNull(run.keyValues());
  }

  /** A copy of the stream in front of a block at some positions. */
  float[] rows(int entry, int first, int end) {
    float[] values = run.activation(Slots.residual(entry, layers)).values();
    return Arrays.copyOfRange(values, first * width, end * width);
  }

  /** A row of logits, a copy. */
  float[] logits(int position) {
    return Rows.row(run, position);
  }

  /** What the model says behind a position without a patch. */
  Distribution said(int position) {
    return said.computeIfAbsent(position, p -> new Distribution(logits(p)));
  }
}
