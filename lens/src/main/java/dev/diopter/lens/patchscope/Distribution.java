package dev.diopter.lens.patchscope;

import dev.diopter.engine.LogProbabilities;

/** The softmax of one row of logits, in double: computed once, asked often. For one thread. */
final class Distribution {
  /** Probabilities below count as this in surprisals, as in obvs and the paper's code. */
  static final double LEAST = 1e-12;

  private final float[] logits;
  private final double[] probabilities;
  private final double logSum; // of exp(logits), so that logits - logSum are log-probabilities
  private int best = -1; // once it was asked

  Distribution(float[] logits) {
    this.logits = logits;
    float max = Float.NEGATIVE_INFINITY;
    for (float x : logits) {
      max = Math.max(max, x);
    }
    double[] p = new double[logits.length];
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      p[i] = Math.exp((double) logits[i] - max);
      sum += p[i];
    }
    for (int i = 0; i < p.length; i++) {
      p[i] /= sum;
    }
    probabilities = p;
    logSum = max + Math.log(sum);
  }

  float logit(int id) {
    return logits[id];
  }

  double probability(int id) {
    return probabilities[id];
  }

  double logProbability(int id) {
    return logits[id] - logSum;
  }

  /** The id of the largest logit, the lowest among equals. */
  int best() {
    if (best < 0) {
      best = top(1)[0];
    }
    return best;
  }

  int[] top(int k) {
    int[] top = LogProbabilities.top(logits, k);
    best = top.length > 0 ? top[0] : best;
    return top;
  }

  /** How many ids come before this one, equals with a lower id among them. */
  int rank(int id) {
    int before = 0;
    for (int i = 0; i < logits.length; i++) {
      if (logits[i] > logits[id] || (i < id && logits[i] == logits[id])) {
        before++;
      }
    }
    return before;
  }

  double surprisal(int id) {
    return -Math.log(Math.max(probabilities[id], LEAST));
  }

  double entropy() {
    double sum = 0;
    for (int i = 0; i < probabilities.length; i++) {
      if (probabilities[i] > 0) {
        sum -= probabilities[i] * (logits[i] - logSum);
      }
    }
    return sum;
  }

  /** The divergence of another distribution from this one: KL(this || other), in nats. */
  double divergence(Distribution other) {
    double shift = other.logSum - logSum;
    double sum = 0;
    for (int i = 0; i < probabilities.length; i++) {
      if (probabilities[i] > 0) {
        sum += probabilities[i] * ((double) logits[i] - other.logits[i] + shift);
      }
    }
    return Math.max(0, sum); // The rounding of equal distributions is not a distance.
  }
}
