package dev.diopter.cli;

import java.util.Comparator;
import java.util.PriorityQueue;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The most probable tokens of a row of logits. The softmax is taken over the whole row in double
 * precision.
 */
final class NextTokens {

  /**
   * One candidate.
   *
   * @param id the token
   * @param logit its logit
   * @param probability its probability
   */
  record Candidate(int id, float logit, double probability) {}

  private NextTokens() {}

  /** Puts candidates as JSON. */
  static void put(ObjectNode object, String key, Candidate[] candidates, Tokens tokens) {
    ArrayNode entries = object.putArray(key);
    for (Candidate candidate : candidates) {
      put(entries.addObject(), candidate, tokens);
    }
  }

  /** Puts the members of a candidate. */
  static void put(ObjectNode object, Candidate candidate, Tokens tokens) {
    tokens.putToken(object, candidate.id());
    object.put("logit", candidate.logit());
    object.put("probability", candidate.probability());
  }

  /** The {@code count} largest of one row. */
  static Candidate[] top(float[] logits, int count) {
    return top(logits, 0, logits.length, count);
  }

  /**
   * The {@code count} largest logits, largest first, the lower id first among equals; not-a-number
   * last.
   */
  static Candidate[] top(float[] logits, int from, int vocabulary, int count) {
    // The root is the worst of the best so far.
    Comparator<Integer> worstFirst =
        (a, b) -> {
          int byLogit = compare(logits[from + a], logits[from + b]);
          return byLogit != 0 ? byLogit : Integer.compare(b, a);
        };
    PriorityQueue<Integer> best = new PriorityQueue<>(worstFirst);
    for (int id = 0; id < vocabulary; id++) {
      if (best.size() < count) {
        best.add(id);
      } else if (compare(logits[from + id], logits[from + best.element()]) > 0) {
        best.remove();
        best.add(id);
      }
    }
    double[] scale = logSum(logits, from, vocabulary);
    Candidate[] top = new Candidate[best.size()];
    for (int i = top.length - 1; i >= 0; i--) {
      int id = best.remove();
      float logit = logits[from + id];
      top[i] = new Candidate(id, logit, Math.exp(logit - scale[0]) / scale[1]);
    }
    return top;
  }

  /** Largest value, and the sum of the exponentials of the distances from it. */
  private static double[] logSum(float[] logits, int from, int vocabulary) {
    double max = Double.NEGATIVE_INFINITY;
    for (int id = 0; id < vocabulary; id++) {
      max = Math.max(max, logits[from + id]);
    }
    double sum = 0;
    for (int id = 0; id < vocabulary; id++) {
      sum += Math.exp(logits[from + id] - max);
    }
    return new double[] {max, sum};
  }

  private static int compare(float a, float b) {
    if (Float.isNaN(a) || Float.isNaN(b)) {
      return Boolean.compare(Float.isNaN(b), Float.isNaN(a));
    }
    return a < b ? -1 : a > b ? 1 : 0;
  }
}
