package dev.diopter.formats;

import java.util.Arrays;

/** Code lengths of a Huffman code. */
final class HuffmanLengths {
  private HuffmanLengths() {}

  /**
   * The length of each symbol's code, 0 where it does not occur; near to the best of codes whose
   * lengths are bounded, and complete (two symbols at least have codes).
   *
   * @param counts how often each symbol occurs
   * @param longest the largest length; 2 to its power is more than the symbols
   */
  static int[] of(int[] counts, int longest) {
    int[] weights = counts.clone();
    for (int i = 0; used(weights) < 2; i++) {
      weights[i] = Math.max(1, weights[i]);
    }
    while (true) {
      int[] lengths = unbounded(weights);
      if (Arrays.stream(lengths).max().orElse(0) <= longest) {
        return lengths;
      }
      // Flatter weights give flatter trees.
      for (int i = 0; i < weights.length; i++) {
        weights[i] = weights[i] == 0 ? 0 : weights[i] / 2 + 1;
      }
    }
  }

  private static int used(int[] weights) {
    int used = 0;
    for (int weight : weights) {
      used += weight > 0 ? 1 : 0;
    }
    return used;
  }

  /** Joins the two lightest trees until one is left: leaves are sorted, so joins come in order. */
  private static int[] unbounded(int[] weights) {
    int n = used(weights);
    long[] leaves = new long[n];
    int at = 0;
    for (int symbol = 0; symbol < weights.length; symbol++) {
      if (weights[symbol] > 0) {
        leaves[at++] = (long) weights[symbol] << 16 | symbol;
      }
    }
    Arrays.sort(leaves);
    long[] weight = new long[2 * n - 1];
    int[] parent = new int[2 * n - 1];
    for (int i = 0; i < n; i++) {
      weight[i] = leaves[i] >>> 16;
    }
    int leaf = 0;
    int joined = n;
    for (int node = n; node < 2 * n - 1; node++) {
      for (int side = 0; side < 2; side++) {
        boolean takeLeaf = leaf < n && (joined >= node || weight[leaf] <= weight[joined]);
        int child = takeLeaf ? leaf++ : joined++;
        weight[node] += weight[child];
        parent[child] = node;
      }
    }
    int[] depth = new int[2 * n - 1];
    int[] lengths = new int[weights.length];
    for (int node = 2 * n - 3; node >= 0; node--) {
      depth[node] = depth[parent[node]] + 1;
      if (node < n) {
        lengths[(int) (leaves[node] & 0xFFFF)] = depth[node];
      }
    }
    return lengths;
  }
}
