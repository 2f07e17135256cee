package dev.diopter.engine;

import java.util.List;

/**
 * Many variations of one clean run, advanced through the model together as rows of one batch. Each
 * gives the same bits as a run of its own. What it costs: for each branch its rows times the blocks
 * above its entry, and an unembedding for each row of logits.
 *
 * <p>Sequence numbers in the plan count the branches.
 *
 * @param prompt what the clean run ran
 * @param clean the clean run's keys and values, of exactly this prompt; not changed
 * @param branches at least one
 * @param plan reads and edits of the branches
 * @param logits which rows of logits each branch returns, by absolute position
 * @param keepKeyValues whether the results hold keys and values, to generate behind them
 */
public record BranchRequest(
    Prompt prompt,
    KeyValueStore clean,
    List<Branch> branches,
    HookPlan plan,
    Logits logits,
    boolean keepKeyValues) {

  public BranchRequest {
    branches = List.copyOf(branches);
    if (branches.isEmpty()) {
      throw new UsageException("expected at least one branch, got none");
    }
  }

  /** Branches without hooks that return their last row of logits. */
  public static BranchRequest of(Prompt prompt, KeyValueStore clean, List<Branch> branches) {
    return new BranchRequest(prompt, clean, branches, HookPlan.NONE, Logits.LAST, false);
  }

  /** With these reads and edits. */
  public BranchRequest plan(HookPlan hooks) {
    return new BranchRequest(prompt, clean, branches, hooks, logits, keepKeyValues);
  }

  /** Returning these rows of logits. */
  public BranchRequest logits(Logits rows) {
    return new BranchRequest(prompt, clean, branches, plan, rows, keepKeyValues);
  }

  /** With the keys and values in the results, to generate behind them. */
  public BranchRequest keepingKeyValues() {
    return new BranchRequest(prompt, clean, branches, plan, logits, true);
  }

  /**
   * Rows through blocks that this costs: for each branch its rows times the blocks that they go
   * through.
   */
  public long tokenLayers(int layers, int width) {
    long sum = 0;
    for (Branch branch : branches) {
      sum += (long) (branch.residual().length / width) * (layers - branch.layer());
    }
    return sum;
  }
}
