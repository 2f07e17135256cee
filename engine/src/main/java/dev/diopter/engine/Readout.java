package dev.diopter.engine;

import java.util.List;

/**
 * Takes rows of logits as they come and keeps what was asked for: the rows themselves, or the loss
 * alone.
 */
final class Readout {
  private final Pass.Task task;
  private final int vocabulary;
  private final List<Pass.Outcome> outcomes;
  private final double[] lossSum;
  private final int[] kept;

  Readout(Pass.Task task, int vocabulary, Scratch scratch, List<Pass.Outcome> outcomes) {
    this.task = task;
    this.vocabulary = vocabulary;
    this.outcomes = outcomes;
    this.lossSum = new double[outcomes.size()];
    this.kept = new int[outcomes.size()];
    for (int s = 0; s < outcomes.size(); s++) {
      int size = Scratch.checked((long) task.logitRows()[s].length * vocabulary);
      outcomes.get(s).logits = scratch.logits(s, size);
    }
  }

  boolean wantsAnything() {
    if (task.loss()) {
      return true;
    }
    for (int[] rows : task.logitRows()) {
      if (rows.length > 0) {
        return true;
      }
    }
    return false;
  }

  /** The row of logits at {@code logits[at]}; the rows of a sequence come in ascending order. */
  void row(int sequence, int row, float[] logits, int at) {
    int[] wanted = task.logitRows()[sequence];
    int next = kept[sequence];
    if (next < wanted.length && wanted[next] == row) {
      System.arraycopy(logits, at, outcomes.get(sequence).logits, next * vocabulary, vocabulary);
      kept[sequence]++;
    }
    int[] ids = task.ids()[sequence];
    if (task.loss() && row + 1 < ids.length) {
      lossSum[sequence] += LogProbabilities.negative(logits, at, vocabulary, ids[row + 1]);
    }
  }

  void close() {
    for (int s = 0; s < lossSum.length; s++) {
      int pairs = task.ids()[s].length - 1;
      if (task.loss() && pairs > 0) {
        outcomes.get(s).loss = lossSum[s] / pairs;
      }
    }
  }
}
