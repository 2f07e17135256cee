package dev.diopter.lens.patching;

import dev.diopter.engine.Branch;
import dev.diopter.engine.BranchRequest;
import dev.diopter.engine.Edit;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Operation;
import dev.diopter.engine.Read;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Collects variations of the base run and runs them together, as many as the memory budget allows
 * at a time. What a variation gives does not depend on which others run beside it. For one thread.
 */
final class CellBatch {
  private static final int LEAST_KEY_VALUES = 16;

  private final PatchRuns runs;
  private final long budget;
  private final List<Branch> branches = new ArrayList<>();
  private final List<List<Edit>> edits = new ArrayList<>();
  private final List<String> reads;
  private final boolean ends;
  private final List<Consumer<RunResult>> takers = new ArrayList<>();
  private final long rowBytes;
  private long bytes;
  private long tokenLayers;
  private long unembeddings;

  /** Variations that go to the end and give their last row of logits. */
  static CellBatch toLogits(PatchRuns runs, long budget) {
    return new CellBatch(runs, budget, List.of(), true);
  }

  /** Variations that go as far as these hooks, which are read. */
  static CellBatch toHooks(PatchRuns runs, long budget, List<String> reads) {
    return new CellBatch(runs, budget, reads, false);
  }

  private CellBatch(PatchRuns runs, long budget, List<String> reads, boolean ends) {
    this.runs = runs;
    this.budget = budget;
    this.reads = reads;
    this.ends = ends;
    DecoderConfig c = runs.model().config();
    long mlp = (c.mlp() == DecoderConfig.Mlp.SILU_GATED ? 2L : 1L) * c.mlpWidth();
    long attention = 2L * c.heads() * c.headDim() + 2L * c.keyValueHeads() * c.headDim();
    this.rowBytes = 4 * ((4L + reads.size()) * c.width() + attention + mlp);
  }

  /**
   * Adds a variation; runs what has been collected when the budget is used up.
   *
   * @param own its edits, without sequences
   * @param taker hears its result
   */
  void add(Branch branch, List<Edit> own, Consumer<RunResult> taker) {
    long more = bytes(branch, own);
    if (bytes + more > budget) {
      flush();
    }
    bytes += more;
    branches.add(branch);
    edits.add(own);
    takers.add(taker);
  }

  private long bytes(Branch branch, List<Edit> own) {
    DecoderConfig c = runs.model().config();
    int rows = branch.residual().length / c.width();
    long sum = rows * rowBytes + (ends ? 4L * c.vocabulary() : 0);
    sum += 8L * Math.max(LEAST_KEY_VALUES, rows) * c.keyValueHeads() * c.headDim();
    for (Edit edit : own) {
      if (edit.operation() instanceof Operation.Replace r) {
        sum += 4L * r.value().data().length;
      }
    }
    return sum;
  }

  /** Runs what has been collected. */
  void flush() {
    if (branches.isEmpty()) {
      return;
    }
    Model model = runs.model();
    List<Edit> all = new ArrayList<>();
    for (int i = 0; i < edits.size(); i++) {
      for (Edit e : edits.get(i)) {
        all.add(new Edit(e.hook(), e.where().sequences(i), e.operation(), e.allowNonFinite()));
      }
    }
    List<Read> wanted =
        reads.stream().map(r -> new Read(r, Selection.ALL, Read.When.AFTER)).toList();
    BranchRequest request =
        BranchRequest.of(runs.prompt(), runs.store(), branches)
            .plan(new HookPlan(wanted, all))
            .logits(ends ? Logits.LAST : Logits.NONE);
    List<RunResult> results = model.run(request);
    DecoderConfig config = model.config();
    if (ends) {
      tokenLayers += request.tokenLayers(config.layers(), config.width());
      unembeddings += branches.size();
    }
    for (int i = 0; i < takers.size(); i++) {
      takers.get(i).accept(results.get(i));
    }
    branches.clear();
    edits.clear();
    takers.clear();
    bytes = 0;
  }

  /** What the variations that went to the end cost. */
  PatchCost cost() {
    return new PatchCost(tokenLayers, unembeddings, 0, unembeddings);
  }
}
