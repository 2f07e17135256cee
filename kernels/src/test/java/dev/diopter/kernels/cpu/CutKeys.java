package dev.diopter.kernels.cpu;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.KeyValueBlock;
import dev.diopter.kernels.KeyValueView;
import dev.diopter.kernels.Samples;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Keys and values cut into blocks in several ways, all of which must give the same bits. */
final class CutKeys {
  /** What {@code HeadRows} takes at a time, and less by one: no cut lies on its border. */
  private static final int[] FIRST = {128, 127};

  private CutKeys() {}

  /** Whole; cut at 128 and at 127; four blocks, one of them empty, at random. */
  static List<int[]> cuts(Random random, int keys) {
    List<int[]> cuts = new ArrayList<>();
    cuts.add(new int[] {keys});
    for (int first : FIRST) {
      if (first < keys) {
        cuts.add(new int[] {first, keys - first});
      }
    }
    cuts.add(four(random, keys));
    return cuts;
  }

  /** A block of random length, an empty one, up to 128 keys, the rest. */
  static int[] four(Random random, int keys) {
    int third = Math.min(128, keys / 2);
    int first = random.nextInt(keys - third + 1);
    return new int[] {first, 0, third, keys - first - third};
  }

  /** k and v [keys, heads * headDim] in blocks of these lengths, each with room behind. */
  static KeyValueView view(
      Backend backend, Random random, int heads, int headDim, float[] k, float[] v, int[] lengths) {
    List<KeyValueBlock> blocks = new ArrayList<>();
    int width = heads * headDim;
    int from = 0;
    for (int n : lengths) {
      KeyValueBlock block = backend.allocateKeyValues(heads, headDim, n + 1 + random.nextInt(5));
      if (n > 0) {
        float[] keys = Arrays.copyOfRange(k, from * width, (from + n) * width);
        float[] values = Arrays.copyOfRange(v, from * width, (from + n) * width);
        backend.store(
            Samples.matrix(backend, random, keys, n, width),
            Samples.matrix(backend, random, values, n, width),
            block,
            0);
      }
      blocks.add(block);
      from += n;
    }
    return new KeyValueView(blocks, lengths);
  }
}
