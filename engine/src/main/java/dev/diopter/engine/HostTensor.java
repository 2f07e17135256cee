package dev.diopter.engine;

/**
 * One sequence's value at a hook point on the host, while edits act on it: all computed rows, all
 * heads. Row layout is [row, head, inner], score layout [head, row, key].
 *
 * @param point where
 * @param values the numbers, changed in place
 * @param positions absolute position of each row (query), ascending
 * @param heads size of the head axis, 1 where there is none
 * @param inner last axis: width of a row within its head, or number of keys. Key k exists for a
 *     query at position p where {@code k <= p}
 * @param sequence index in the batch
 * @param sequenceKey what noise is keyed by: the same for a sequence alone and in any batch
 * @param step step of the generation
 */
record HostTensor(
    HookPoint point,
    float[] values,
    int[] positions,
    int heads,
    int inner,
    int sequence,
    long sequenceKey,
    int step) {

  /** The same place with its numbers. */
  HostTensor with(float[] numbers) {
    return new HostTensor(point, numbers, positions, heads, inner, sequence, sequenceKey, step);
  }

  /** The same place with other rows. */
  HostTensor at(int[] rows) {
    return new HostTensor(point, values, rows, heads, inner, sequence, sequenceKey, step);
  }

  boolean overKeys() {
    return point.site().overKeys();
  }

  /** Index of the first element of a (row, head) pair. */
  int at(int row, int head) {
    return (overKeys() ? head * positions.length + row : row * heads + head) * inner;
  }

  /** Cells of the last axis that exist for a row. */
  int visible(int row) {
    return overKeys() ? Math.min(inner, positions[row] + 1) : inner;
  }
}
