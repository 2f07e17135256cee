package dev.diopter.lens.tuned.training;

import dev.diopter.engine.UsageException;
import java.util.Locale;

/**
 * One step of gradient descent on float32 numbers, in the order of operations that torch uses.
 * Weight decay is added to the gradient unless said otherwise.
 */
public enum Optimizer {
  /** Stochastic gradient descent with Nesterov momentum. */
  SGD(1) {
    @Override
    double baseRate(double momentum) {
      return 1 - momentum;
    }

    @Override
    void step(float[] p, float[] g, float[][] state, Setting s) {
      float decay = (float) s.weightDecay();
      float momentum = (float) s.momentum();
      float rate = (float) s.rate();
      float[] buffer = state[0];
      boolean first = s.step() == 0;
      for (int i = 0; i < p.length; i++) {
        float d = g[i] + decay * p[i];
        float b = first ? d : momentum * buffer[i] + d;
        buffer[i] = b;
        p[i] -= rate * (d + momentum * b);
      }
    }
  },
  /** Adam with the largest second moment so far (AMSGrad). */
  ADAM(3) {
    @Override
    double baseRate(double momentum) {
      return 1e-3;
    }

    @Override
    void step(float[] p, float[] g, float[][] state, Setting s) {
      double beta1 = s.momentum();
      double correction1 = 1 - Math.pow(beta1, s.step() + 1.0);
      double correction2 = Math.sqrt(1 - Math.pow(BETA_2, s.step() + 1.0));
      float decay = (float) s.weightDecay();
      float rate = (float) (s.rate() / correction1);
      float keep1 = (float) beta1;
      float take1 = (float) (1 - beta1);
      float keep2 = (float) BETA_2;
      float take2 = (float) (1 - BETA_2);
      float inverse = (float) (1 / correction2);
      float[] mean = state[0];
      float[] square = state[1];
      float[] largest = state[2];
      for (int i = 0; i < p.length; i++) {
        float d = g[i] + decay * p[i];
        float m = keep1 * mean[i] + take1 * d;
        float v = keep2 * square[i] + take2 * d * d;
        float most = Math.max(largest[i], v);
        mean[i] = m;
        square[i] = v;
        largest[i] = most;
        p[i] -= rate * m / ((float) Math.sqrt(most) * inverse + EPSILON);
      }
    }
  },
  /**
   * Muon for W, whose steps are the gradient's momentum made nearly orthogonal; Adam for b. Weight
   * decay apart from the gradient.
   */
  MUON(2) {
    @Override
    double baseRate(double momentum) {
      return 1e-2;
    }

    @Override
    void step(float[] p, float[] g, float[][] state, Setting s) {
      Muon.stepVector(p, g, state, s);
    }

    @Override
    void stepMatrix(float[] p, float[] g, float[][] state, Setting s) {
      Muon.stepMatrix(p, g, state[0], s);
    }
  };

  private static final double BETA_2 = 0.999;
  private static final float EPSILON = 1e-8f;

  private final int states;

  Optimizer(int states) {
    this.states = states;
  }

  /**
   * Of one step.
   *
   * @param step counted from 0
   * @param rate learning rate of this step
   * @param momentum Nesterov's, or Adam's first beta
   * @param weightDecay times the parameter, added to the gradient; of {@link #MUON} times the rate,
   *     taken from the parameter
   */
  record Setting(int step, double rate, double momentum, double weightDecay) {}

  /** How many numbers it keeps for each parameter. */
  int states() {
    return states;
  }

  /** The learning rate before any scale. */
  abstract double baseRate(double momentum);

  /** Changes parameters and state. */
  abstract void step(float[] parameters, float[] gradient, float[][] state, Setting setting);

  /** The same for a square matrix, row-major. */
  void stepMatrix(float[] parameters, float[] gradient, float[][] state, Setting setting) {
    step(parameters, gradient, state, setting);
  }

  /** Its name on the command line. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Steps of warm-up where nobody says a number. */
  int defaultWarmUp(int steps) {
    return equals(ADAM) ? Math.min(1000, steps / 5) : 0;
  }

  /**
   * The optimiser of that name.
   *
   * @throws UsageException if there is none
   */
  public static Optimizer of(String label) {
    for (Optimizer optimizer : values()) {
      if (optimizer.label().equals(label)) {
        return optimizer;
      }
    }
    throw new UsageException("optimizer: expected sgd, adam or muon, got '%s'".formatted(label));
  }
}
