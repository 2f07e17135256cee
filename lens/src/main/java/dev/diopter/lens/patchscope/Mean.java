package dev.diopter.lens.patchscope;

/** Mean and standard deviation of numbers as they come, in double. Not for several threads. */
public final class Mean {
  private long count;
  private double mean;
  private double squares;

  /** Takes a number. */
  public Mean add(double value) {
    count++;
    double off = value - mean;
    mean += off / count;
    squares += off * (value - mean);
    return this;
  }

  /** How many there were. */
  public long count() {
    return count;
  }

  /** Their mean; NaN without any. */
  public double mean() {
    return count == 0 ? Double.NaN : mean;
  }

  /** Their standard deviation, as of a whole population; NaN without any. */
  public double deviation() {
    return count == 0 ? Double.NaN : Math.sqrt(squares / count);
  }
}
