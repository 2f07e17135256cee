package dev.diopter.kernels;

/**
 * A band of inputs and outputs of a packed matrix: W[inFrom..inTo, outFrom..outTo]. Any bounds are
 * allowed; they need not meet the packing.
 *
 * @param matrix the whole matrix
 * @param inFrom first input
 * @param inTo behind the last input
 * @param outFrom first output
 * @param outTo behind the last output
 */
public record WeightSlice(PackedMatrix matrix, int inFrom, int inTo, int outFrom, int outTo) {

  public WeightSlice {
    if (inFrom < 0
        || inTo <= inFrom
        || inTo > matrix.in()
        || outFrom < 0
        || outTo <= outFrom
        || outTo > matrix.out()) {
      throw new IllegalArgumentException(
          "expected a slice of %d x %d, got %d..%d x %d..%d"
              .formatted(matrix.in(), matrix.out(), inFrom, inTo, outFrom, outTo));
    }
  }

  /**
   * The same outputs from a part of the inputs; bounds count from the whole matrix's first input.
   */
  public WeightSlice inputs(int from, int to) {
    return new WeightSlice(matrix, from, to, outFrom, outTo);
  }

  /**
   * The same inputs to a part of the outputs; bounds count from the whole matrix's first output.
   */
  public WeightSlice outputs(int from, int to) {
    return new WeightSlice(matrix, inFrom, inTo, from, to);
  }

  /** Number of inputs in the slice. */
  public int in() {
    return inTo - inFrom;
  }

  /** Number of outputs in the slice. */
  public int out() {
    return outTo - outFrom;
  }
}
