package dev.diopter.lens.patching;

import dev.diopter.engine.Activation;
import dev.diopter.engine.Axis;
import dev.diopter.engine.Edit;
import dev.diopter.engine.Operation;
import dev.diopter.engine.Selection;
import java.util.stream.IntStream;

/**
 * The part of a hook's value that one variation puts in: one head or all of them, one key of a
 * pattern or all of them.
 *
 * @param source the value that is put in
 * @param base the value that is there
 * @param head the head; -1 for all
 * @param key the key of a pattern; -1 for all
 */
record Values(Activation source, Activation base, int head, int key) {

  private boolean overKeys() {
    return source.axes().contains(Axis.KEY);
  }

  private int length() {
    return source.shape()[overKeys() ? 1 : 0];
  }

  private boolean hasHeads() {
    return source.shape().length == 3;
  }

  private int heads() {
    return !hasHeads() ? 1 : source.shape()[overKeys() ? 0 : 1];
  }

  private int inner() {
    return source.shape()[source.shape().length - 1];
  }

  private int at(int position, int h) {
    return (overKeys() ? h * length() + position : position * heads() + h) * inner();
  }

  /** Whether a position gets another value than it has, to the bit. */
  boolean changes(int position) {
    for (int h = head < 0 ? 0 : head; h < (head < 0 ? heads() : head + 1); h++) {
      int at = at(position, h);
      for (int i = key < 0 ? 0 : key; i < (key < 0 ? inner() : key + 1); i++) {
        if (Float.floatToRawIntBits(source.values()[at + i])
            != Float.floatToRawIntBits(base.values()[at + i])) {
          return true;
        }
      }
    }
    return false;
  }

  /** The positions that change, ascending. */
  int[] changed() {
    return IntStream.range(Math.max(0, key), length()).filter(this::changes).toArray();
  }

  /** Puts the values into positions {@code from .. to - 1}. */
  Edit edit(int from, int to) {
    int first = head < 0 ? 0 : head;
    int count = head < 0 ? heads() : 1;
    int width = key < 0 ? inner() : 1;
    int rows = to - from;
    float[] data = new float[rows * count * width];
    for (int r = 0; r < rows; r++) {
      for (int h = 0; h < count; h++) {
        int into = (overKeys() ? h * rows + r : r * count + h) * width;
        System.arraycopy(
            source.values(), at(from + r, first + h) + Math.max(0, key), data, into, width);
      }
    }
    int[] shape =
        !hasHeads()
            ? new int[] {rows, width}
            : overKeys() ? new int[] {count, rows, width} : new int[] {rows, count, width};
    Selection where = Selection.ALL.positions(IntStream.range(from, to).toArray());
    where = head < 0 ? where : where.heads(head);
    where = key < 0 ? where : where.keys(key);
    return new Edit(
        source.name(),
        where,
        new Operation.Replace(new Operation.Value(shape, data), false),
        false);
  }
}
