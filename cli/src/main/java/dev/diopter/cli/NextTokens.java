package dev.diopter.cli;

import dev.diopter.engine.LogProbabilities;
import java.util.Arrays;
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
    float[] row = Arrays.copyOfRange(logits, from, from + vocabulary);
    double[] probabilities = LogProbabilities.probabilities(row);
    return Arrays.stream(LogProbabilities.top(row, count))
        .mapToObj(id -> new Candidate(id, row[id], probabilities[id]))
        .toArray(Candidate[]::new);
  }
}
