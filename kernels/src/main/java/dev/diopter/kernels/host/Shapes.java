package dev.diopter.kernels.host;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.IndexBuffer;
import dev.diopter.kernels.KeyValueBlock;
import dev.diopter.kernels.KeyValueView;
import dev.diopter.kernels.Matrix;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Shape checks of the operations: each throws {@link IllegalArgumentException} with what was
 * expected and what was found. The message is built only when a check fails.
 */
public final class Shapes {
  private Shapes() {}

  /** The view has this shape. */
  public static void matrix(String name, Matrix matrix, int rows, int columns) {
    if (matrix.rows() != rows || matrix.columns() != columns) {
      throw new IllegalArgumentException(
          "expected %s of %d x %d, got %d x %d"
              .formatted(name, rows, columns, matrix.rows(), matrix.columns()));
    }
  }

  /** Both views have one shape. */
  public static void same(String name, Matrix matrix, Matrix other) {
    matrix(name, matrix, other.rows(), other.columns());
  }

  /** The buffer has at least {@code floats} values. */
  public static void atLeast(String name, Buffer buffer, long floats) {
    if (buffer.size() < floats) {
      throw new IllegalArgumentException(
          "expected %s of at least %d floats, got %d".formatted(name, floats, buffer.size()));
    }
  }

  /** The buffer, if there is one, has at least {@code floats} values. */
  public static void optional(String name, @Nullable Buffer buffer, long floats) {
    if (buffer != null) {
      atLeast(name, buffer, floats);
    }
  }

  /** One index for each row. */
  public static void indices(String name, IndexBuffer indices, int rows) {
    if (indices.size() != rows) {
      throw new IllegalArgumentException(
          "expected %d %s, got %d".formatted(rows, name, indices.size()));
    }
  }

  /** {@code index} lies in {@code 0 .. bound - 1}. */
  public static void index(String name, int index, int bound) {
    if (index < 0 || index >= bound) {
      throw new IllegalArgumentException(
          "expected %s in 0..%d, got %d".formatted(name, bound - 1, index));
    }
  }

  /** {@code value} is at least 1. */
  public static void positive(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(
          "expected %s of at least 1, got %d".formatted(name, value));
    }
  }

  /** {@code value} divides by {@code parts}. */
  public static void divides(String name, int value, int parts) {
    if (parts < 1 || value % parts != 0) {
      throw new IllegalArgumentException(
          "expected %s divisible by %d, got %d".formatted(name, parts, value));
    }
  }

  /** A copy of {@code count} elements stays inside an array or buffer of {@code size}. */
  public static void range(String name, int from, int count, int size) {
    if (from < 0 || count < 0 || from > size - count) {
      throw new IllegalArgumentException(
          "expected a range inside %d floats of the %s, got %d floats from %d"
              .formatted(size, name, count, from));
    }
  }

  /** Keys and values of one width fit into the block at {@code at}. */
  public static void store(Matrix keys, Matrix values, KeyValueBlock block, int at) {
    int width = block.heads() * block.headDim();
    matrix("keys", keys, keys.rows(), width);
    matrix("values", values, keys.rows(), width);
    if (at < 0 || at > block.capacity() - keys.rows()) {
      throw new IllegalArgumentException(
          "expected entries inside a capacity of %d, got %d from %d"
              .formatted(block.capacity(), keys.rows(), at));
    }
  }

  /**
   * The rows of a span exist in a batch of [rows, heads * headDim], and its view covers every key
   * that they see.
   */
  public static void span(String name, Matrix batch, AttentionSpan span, int heads) {
    view(span, heads);
    int width = heads * span.keys().blocks().getFirst().headDim();
    if (batch.columns() != width) {
      throw new IllegalArgumentException(
          "expected %s of %d columns, got %d".formatted(name, width, batch.columns()));
    }
    if (span.firstRow() < 0 || span.firstRow() > batch.rows() - span.rows()) {
      throw new IllegalArgumentException(
          "expected a span inside %d rows of %s, got %d from %d"
              .formatted(batch.rows(), name, span.rows(), span.firstRow()));
    }
  }

  /** All spans see keys and values of one shape. */
  public static void alike(List<AttentionSpan> spans) {
    for (AttentionSpan span : spans) {
      KeyValueBlock first = spans.getFirst().keys().blocks().getFirst();
      KeyValueBlock block = span.keys().blocks().getFirst();
      if (block.heads() != first.heads() || block.headDim() != first.headDim()) {
        throw new IllegalArgumentException(
            "expected spans with %d heads of %d, got %d of %d"
                .formatted(first.heads(), first.headDim(), block.heads(), block.headDim()));
      }
    }
  }

  /** The buffer holds [heads, rows, keys] of a span whose view is sound. */
  public static void cells(String name, Buffer buffer, AttentionSpan span, int heads) {
    positive("heads", heads);
    if (span.rows() < 0 || span.firstIndex() < 0) {
      throw new IllegalArgumentException(
          "expected a span of rows from a key index, got %d from %d"
              .formatted(span.rows(), span.firstIndex()));
    }
    atLeast(name, buffer, (long) heads * span.rows() * span.keyCount());
  }

  private static void view(AttentionSpan span, int heads) {
    KeyValueView keys = span.keys();
    int blocks = keys.blocks().size();
    if (blocks == 0 || keys.lengths().length != blocks) {
      throw new IllegalArgumentException(
          "expected a length for each of at least one block, got %d blocks and %d lengths"
              .formatted(blocks, keys.lengths().length));
    }
    KeyValueBlock first = keys.blocks().getFirst();
    for (int i = 0; i < blocks; i++) {
      KeyValueBlock block = keys.blocks().get(i);
      int length = keys.lengths()[i];
      if (block.heads() != first.heads() || block.headDim() != first.headDim()) {
        throw new IllegalArgumentException(
            "expected blocks of %d heads of %d, got %d of %d"
                .formatted(first.heads(), first.headDim(), block.heads(), block.headDim()));
      }
      if (length < 0 || length > block.capacity()) {
        throw new IllegalArgumentException(
            "expected a length in 0..%d, got %d".formatted(block.capacity(), length));
      }
    }
    divides("query heads", heads, first.heads());
    if (span.rows() < 0 || span.firstIndex() < 0 || span.keyCount() > keys.length()) {
      throw new IllegalArgumentException(
          "expected a view of at least %d keys, got %d".formatted(span.keyCount(), keys.length()));
    }
  }
}
