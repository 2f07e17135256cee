package dev.diopter.lens.numeric;

/** A smooth function of many numbers. */
@FunctionalInterface
public interface Objective {
  /**
   * Its value and derivatives.
   *
   * @param x where; not to be changed
   * @param gradient receives the derivatives, as many as {@code x} has
   * @return the value
   */
  double at(double[] x, double[] gradient);
}
