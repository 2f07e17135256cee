package dev.diopter.engine;

import dev.diopter.models.DecoderConfig;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Checks an operation's numbers against its selection and brings arrays into one of three forms,
 * told apart by their rank: all axes of the point, one position's axes, or one vector of the last
 * axis. Where an array covers several positions, the selection names each.
 */
final class ValueFitter {
  private final HookPoint point;
  private final ResolvedSelection where;
  private final boolean allowNonFinite;
  private final DecoderConfig config;
  private final PromptSpan[] spans;
  private final String place;

  private ValueFitter(
      HookPoint point,
      ResolvedSelection where,
      boolean allowNonFinite,
      DecoderConfig config,
      PromptSpan[] spans,
      String place) {
    this.point = point;
    this.where = where;
    this.allowNonFinite = allowNonFinite;
    this.config = config;
    this.spans = spans;
    this.place = place;
  }

  /** An array that fits, and whether it has a row for each selected position. */
  private record Fitted(Operation.Value value, boolean whole) {}

  static ResolvedEdit fit(
      HookPoint point,
      ResolvedSelection where,
      Operation operation,
      boolean allowNonFinite,
      DecoderConfig config,
      PromptSpan[] spans,
      String place) {
    return new ValueFitter(point, where, allowNonFinite, config, spans, place).fit(operation);
  }

  private ResolvedEdit fit(Operation operation) {
    return switch (operation) {
      case Operation.Replace r -> {
        Fitted v = r.broadcast() ? broadcast(r.value()) : exactOrVector(r.value(), false);
        yield edit(new Operation.Replace(v.value(), r.broadcast()), v.whole());
      }
      case Operation.Add a -> {
        Fitted v = exactOrVector(a.value(), true);
        yield edit(new Operation.Add(v.value()), v.whole());
      }
      case Operation.Interpolate i -> {
        requireFinite("weight", i.weight());
        Fitted v = exactOrVector(i.value(), true);
        yield edit(new Operation.Interpolate(v.value(), i.weight()), v.whole());
      }
      case Operation.Mean m -> edit(new Operation.Mean(mean(m.value())), false);
      case Operation.ProjectOut p -> edit(new Operation.ProjectOut(direction(p.vector())), false);
      case Operation.Scale s -> {
        if (!allowNonFinite) {
          requireFinite("factor", s.factor());
        }
        yield edit(s, false);
      }
      case Operation.Noise n -> {
        requireFinite("standard deviation", n.standardDeviation());
        if (n.standardDeviation() < 0) {
          throw fail(
              "standard deviation: expected 0 or more, got %s".formatted(n.standardDeviation()));
        }
        yield edit(n, false);
      }
      case Operation.Knockout k -> {
        if (!point.site().overKeys()) {
          throw fail("knockout acts on hook_attn_scores and hook_pattern only; use zero");
        }
        yield edit(k, false);
      }
      case Operation.Zero z -> edit(z, false);
      case Operation.Function f -> edit(f, false);
    };
  }

  private ResolvedEdit edit(Operation operation, boolean whole) {
    ResolvedSelection selection = where;
    if (whole && where.positions() == null) {
      int[][] positions = new int[spans.length][];
      for (int s = 0; s < spans.length; s++) {
        positions[s] =
            selected(s) ? IntStream.range(spans[s].first(), spans[s].end()).toArray() : new int[0];
      }
      selection =
          new ResolvedSelection(
              positions, where.heads(), where.keys(), where.sequences(), where.steps());
    }
    return new ResolvedEdit(point, selection, operation, allowNonFinite);
  }

  /**
   * An array of the selection's shape, or one vector where one row is selected or any number of
   * rows may share it.
   */
  private Fitted exactOrVector(Operation.Value value, boolean vectorForAll) {
    requireNumbers(value);
    Fitted fitted = null;
    for (int s = 0; s < spans.length; s++) {
      if (selected(s)) {
        fitted = fit(value, s, vectorForAll);
      }
    }
    if (fitted == null) {
      throw fail("sequences: selects nothing");
    }
    checkFinite(fitted.value());
    return fitted;
  }

  private Fitted fit(Operation.Value value, int sequence, boolean vectorForAll) {
    int[] shape = shape(sequence);
    int width = shape[shape.length - 1];
    int rows = 1;
    for (int i = 0; i < shape.length - 1; i++) {
      rows *= shape[i];
    }
    if (isVector(value.shape(), width, shape.length) && (rows == 1 || vectorForAll)) {
      return new Fitted(new Operation.Value(new int[] {width}, value.data()), false);
    }
    if (where.positions() == null && spans[sequence].grows(where.steps())) {
      throw fail(
          "value: expected one vector [%d]%s because the selection goes on over new tokens, got shape %s"
              .formatted(
                  width, vectorForAll ? "" : " with broadcast", Arrays.toString(value.shape())));
    }
    if (!fits(value.shape(), shape)) {
      throw fail(
          "value%s: expected shape %s%s, got %s"
              .formatted(
                  of(sequence),
                  Arrays.toString(shape),
                  rows == 1
                      ? ""
                      : vectorForAll
                          ? " or one vector [%d] for all rows".formatted(width)
                          : " or, with broadcast, one vector [%d]".formatted(width),
                  Arrays.toString(value.shape())));
    }
    return new Fitted(new Operation.Value(shape, value.data()), true);
  }

  private Fitted broadcast(Operation.Value value) {
    requireNumbers(value);
    for (int s = 0; s < spans.length; s++) {
      if (selected(s)) {
        int width = width(s);
        if (!isVector(value.shape(), width, point.site().axes().size())) {
          throw fail(
              "value%s: expected one vector [%d] to broadcast, got shape %s"
                  .formatted(of(s), width, Arrays.toString(value.shape())));
        }
      }
    }
    Operation.Value vector = new Operation.Value(new int[] {value.data().length}, value.data());
    checkFinite(vector);
    return new Fitted(vector, false);
  }

  /** The mean over the axes in front of one position's shape, summed in double. */
  private Operation.Value mean(Operation.Value value) {
    if (point.site().overKeys()) {
      throw fail(
          "mean: the keys differ from query to query; replace by a mean of your own instead");
    }
    requireNumbers(value);
    int[] position = positionShape();
    int[] given = value.shape();
    int size = 1;
    for (int n : position) {
      size *= n;
    }
    boolean oneHead = position.length == 2 && position[0] == 1;
    if (!endsWith(given, position) && !(oneHead && endsWith(given, new int[] {position[1]}))) {
      throw fail(
          "value: expected a shape that ends in one position's shape %s, got %s"
              .formatted(Arrays.toString(position), Arrays.toString(given)));
    }
    int count = value.data().length / size;
    float[] mean = new float[size];
    for (int i = 0; i < size; i++) {
      double sum = 0;
      for (int n = 0; n < count; n++) {
        sum += value.data()[n * size + i];
      }
      mean[i] = (float) (sum / count);
    }
    Operation.Value result = new Operation.Value(position, mean);
    checkFinite(result);
    return result;
  }

  private Operation.Value direction(Operation.Value vector) {
    if (point.site().overKeys()) {
      throw fail("project_out: the keys differ from query to query, so they have no direction");
    }
    requireNumbers(vector);
    int width = width(0);
    if (!isVector(vector.shape(), width, point.site().axes().size())) {
      throw fail(
          "value: expected one vector [%d], got shape %s"
              .formatted(width, Arrays.toString(vector.shape())));
    }
    boolean zero = true;
    for (float v : vector.data()) {
      requireFinite("value", v);
      zero &= v == 0;
    }
    if (zero) {
      throw fail("value: expected a vector with a direction, got zeros");
    }
    return new Operation.Value(new int[] {width}, vector.data());
  }

  /** The selection's shape for one sequence; -1 for keys that grow. */
  private int[] shape(int sequence) {
    int rows =
        where.positions() == null
            ? spans[sequence].countOf(where.steps())
            : where.positions()[sequence].length;
    int width = width(sequence);
    if (point.site().overKeys()) {
      return new int[] {heads(), rows, width};
    }
    return point.site().headAxis() == null
        ? new int[] {rows, width}
        : new int[] {rows, heads(), width};
  }

  private int[] positionShape() {
    return point.site().headAxis() == null ? new int[] {width(0)} : new int[] {heads(), width(0)};
  }

  private int heads() {
    Axis axis = point.site().headAxis();
    return where.heads() != null ? where.heads().length : axis == null ? 1 : axis.size(config);
  }

  /** Size of the last axis. */
  private int width(int sequence) {
    if (!point.site().overKeys()) {
      return point.site().axes().getLast().size(config);
    }
    if (where.keys() != null) {
      return where.keys()[sequence].length;
    }
    PromptSpan span = spans[sequence];
    boolean grows =
        where.positions() == null
            ? span.grows(where.steps())
            : Arrays.stream(where.positions()[sequence]).anyMatch(p -> p >= span.end());
    if (grows) {
      throw fail("value: the number of keys grows with each new token; name the keys");
    }
    return span.end();
  }

  /** Whether a shape is that of one vector, apart from axes of size 1 in front. */
  private static boolean isVector(int[] given, int width, int rank) {
    int last = given.length - 1;
    return given.length <= rank + 1
        && given[last] == width
        && IntStream.range(0, last).allMatch(i -> given[i] == 1);
  }

  /**
   * Whether a shape is the wanted one, apart from axes of size 1 that are left out or a batch axis
   * of 1 in front.
   */
  private static boolean fits(int[] given, int[] wanted) {
    if (given.length > wanted.length) {
      return given.length == wanted.length + 1 && given[0] == 1 && endsWith(given, wanted);
    }
    int at = 0;
    for (int n : wanted) {
      // An axis of 1 is taken where it is given; where it is not, it counts as left out.
      if (at < given.length && given[at] == n) {
        at++;
      } else if (n != 1) {
        return false;
      }
    }
    return at == given.length;
  }

  private static boolean endsWith(int[] given, int[] tail) {
    return given.length >= tail.length
        && Arrays.equals(given, given.length - tail.length, given.length, tail, 0, tail.length);
  }

  /** Cells that the edit leaves alone may hold anything. */
  private void checkFinite(Operation.Value value) {
    if (allowNonFinite) {
      return;
    }
    float[] data = value.data();
    for (int i = 0; i < data.length; i++) {
      if (!Float.isFinite(data[i]) && isWritten(value, i)) {
        throw fail(
            "value: %s at %s; allow it by allow_non_finite"
                .formatted(data[i], index(value.shape(), i)));
      }
    }
  }

  /** Whether an element of the value lands in a cell that exists. */
  private boolean isWritten(Operation.Value value, int index) {
    if (!point.site().overKeys()) {
      return true;
    }
    int width = value.shape()[value.shape().length - 1];
    int row = value.shape().length == 1 ? -1 : index / width % value.shape()[1];
    for (int s = 0; s < spans.length; s++) {
      if (selected(s)) {
        int key = where.keys() == null ? index % width : where.keys()[s][index % width];
        if (key <= query(s, row)) {
          return true;
        }
      }
    }
    return false;
  }

  /** Position of a row of the selection; of the last one for -1. */
  private int query(int sequence, int row) {
    int @Nullable [][] positions = where.positions();
    if (positions == null) {
      return row < 0 ? spans[sequence].lastOf(where.steps()) : spans[sequence].first() + row;
    }
    return row < 0 ? Arrays.stream(positions[sequence]).max().orElse(-1) : positions[sequence][row];
  }

  private static String index(int[] shape, int flat) {
    int[] index = new int[shape.length];
    int rest = flat;
    for (int i = shape.length - 1; i >= 0; i--) {
      index[i] = rest % shape[i];
      rest /= shape[i];
    }
    return Arrays.stream(index)
        .mapToObj(Integer::toString)
        .collect(Collectors.joining(", ", "[", "]"));
  }

  private void requireNumbers(Operation.Value value) {
    if (value.data().length == 0 || value.shape().length == 0) {
      throw fail("value: expected numbers, got shape %s".formatted(Arrays.toString(value.shape())));
    }
  }

  private void requireFinite(String what, float number) {
    if (!Float.isFinite(number)) {
      throw fail("%s: expected a finite number, got %s".formatted(what, number));
    }
  }

  private boolean selected(int sequence) {
    return where.sequences() == null || where.sequences()[sequence];
  }

  private String of(int sequence) {
    return spans.length == 1 ? "" : " of sequence " + sequence;
  }

  private UsageException fail(String message) {
    return new UsageException(place + ": " + message);
  }
}
