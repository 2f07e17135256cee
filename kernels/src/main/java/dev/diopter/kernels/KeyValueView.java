package dev.diopter.kernels;

import java.util.List;

/**
 * The keys and values that a sequence sees, in order: the first {@code lengths[i]} entries of each
 * block, one block after the other. A shared prefix is a block that many views name.
 *
 * @param blocks at least one; all of the same shape
 * @param lengths valid entries of each block, current rows included
 */
public record KeyValueView(List<KeyValueBlock> blocks, int[] lengths) {

  /** All entries together. */
  public int length() {
    int sum = 0;
    for (int n : lengths) {
      sum += n;
    }
    return sum;
  }
}
