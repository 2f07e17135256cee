package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.Tape;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What happens at the hook points of one pass: reads are copied out, edits are made, in the order
 * of the plan. One for each pass, used by its thread alone.
 *
 * <p>On a backend with a {@link Tape} values stay where they are: reads are copies on the device,
 * which {@link #finish} brings to the host together, and edits run there too, unless a point has
 * one that needs the host.
 */
final class Taps implements AutoCloseable {
  private final CompiledPlan plan;
  private final Backend backend;
  private final DecoderConfig config;
  private final int step;
  private final @Nullable Tape tape;
  private final DeviceEdits deviceEdits;
  private final List<Later> later = new ArrayList<>();
  private final List<Map<String, Activation>> before = new ArrayList<>();
  private final List<Map<String, Activation>> after = new ArrayList<>();

  /** A read in the order of the pass, whose value may still be on the device. */
  private record Later(ResolvedRead read, int sequence, Supplier<@Nullable Activation> value) {}

  Taps(CompiledPlan plan, Backend backend, DecoderConfig config, int sequences, int step) {
    this.plan = plan;
    this.backend = backend;
    this.config = config;
    this.step = step;
    this.tape = plan.isEmpty() ? null : backend.tape();
    this.deviceEdits = new DeviceEdits(tape);
    for (int i = 0; i < sequences; i++) {
      before.add(new LinkedHashMap<>());
      after.add(new LinkedHashMap<>());
    }
  }

  CompiledPlan plan() {
    return plan;
  }

  Map<String, Activation> before(int sequence) {
    return before.get(sequence);
  }

  Map<String, Activation> after(int sequence) {
    return after.get(sequence);
  }

  /**
   * Brings what was read to the host, when the pass has ended well.
   *
   * @throws dev.diopter.models.ModelException if an edit wrote NaN or infinity and may not
   */
  void finish() {
    deviceEdits.check();
    for (Later one : later) {
      Activation value = one.value.get();
      if (value != null) {
        (one.read.when() == Read.When.BEFORE ? before : after)
            .get(one.sequence)
            .put(value.name(), value);
      }
    }
    later.clear();
  }

  @Override
  public void close() {
    if (tape != null) {
      tape.close();
    }
  }

  /** Whether anything is asked of a point for one sequence. */
  boolean covers(Site site, int layer, int sequence) {
    CompiledPlan.Point point = plan.at(site, layer);
    return point != null && point.covers(sequence, step);
  }

  /** A value of rows, [row, heads * inner]. Returns true when nothing behind it is needed. */
  boolean rows(Site site, int layer, Matrix value, RowMap map) {
    CompiledPlan.Point point = plan.at(site, layer);
    if (point == null) {
      return false;
    }
    for (int s = 0; s < map.sequences(); s++) {
      if (map.positions()[s].length > 0 && point.covers(s, step)) {
        rows(point, value, map, s);
      }
    }
    return point.last();
  }

  private void rows(CompiledPlan.Point point, Matrix value, RowMap map, int sequence) {
    int[] positions = map.positions()[sequence];
    Matrix own = value.rows(map.firstRow()[sequence], map.firstRow()[sequence] + positions.length);
    List<ResolvedEdit> edits = edits(point, sequence);
    Axis axis = point.point().site().headAxis();
    int heads = axis == null ? 1 : axis.size(config);
    HostTensor shape =
        new HostTensor(
            point.point(),
            new float[0],
            positions,
            heads,
            own.columns() / heads,
            sequence,
            map.keys()[sequence],
            step);
    if (edits.isEmpty() || deviceEdits.canMake(edits)) {
      readRows(point.before(), own, shape);
      deviceEdits.make(edits, shape, own.buffer(), own.offset(), own.stride(), shape.inner());
      readRows(point.after(), own, shape);
      return;
    }
    float[] values = new float[own.rows() * own.columns()];
    backend.download(own, values);
    act(point, edits, shape.with(values));
    backend.upload(values, own);
  }

  private List<ResolvedEdit> edits(CompiledPlan.Point point, int sequence) {
    return point.edits().stream().filter(e -> e.where().covers(sequence, step)).toList();
  }

  /** Copies out the rows that reads want and no others. */
  private void readRows(List<ResolvedRead> reads, Matrix own, HostTensor shape) {
    for (ResolvedRead read : reads) {
      if (read.where().covers(shape.sequence(), step)) {
        int[] rows = wanted(read.where(), shape.sequence(), shape.positions());
        int[] at = new int[rows.length];
        for (int i = 0; i < rows.length; i++) {
          at[i] = shape.positions()[rows[i]];
        }
        take(read, shape.at(at), runs(rows).stream().map(r -> own.rows(r[0], r[1])).toList());
      }
    }
  }

  private static int[] wanted(ResolvedSelection where, int sequence, int[] positions) {
    int[][] chosen = where.positions();
    List<Integer> rows = new ArrayList<>();
    for (int r = 0; r < positions.length; r++) {
      if (chosen == null || contains(chosen[sequence], positions[r])) {
        rows.add(r);
      }
    }
    return rows.stream().mapToInt(Integer::intValue).toArray();
  }

  private static boolean contains(int[] numbers, int wanted) {
    for (int n : numbers) {
      if (n == wanted) {
        return true;
      }
    }
    return false;
  }

  /** Ascending rows as ranges, from (inclusive) and to (exclusive). */
  private static List<int[]> runs(int[] rows) {
    List<int[]> runs = new ArrayList<>();
    for (int row : rows) {
      if (!runs.isEmpty() && runs.getLast()[1] == row) {
        runs.getLast()[1]++;
      } else {
        runs.add(new int[] {row, row + 1});
      }
    }
    return runs;
  }

  /**
   * Scores or patterns of one sequence, [head, row, key]. Returns true when nothing behind them is
   * needed.
   */
  boolean scores(Site site, int layer, Buffer value, int keys, RowMap map, int sequence) {
    CompiledPlan.Point point = plan.at(site, layer);
    if (point == null) {
      return false;
    }
    if (point.covers(sequence, step)) {
      int[] positions = map.positions()[sequence];
      HostTensor shape =
          new HostTensor(
              point.point(),
              new float[0],
              positions,
              config.heads(),
              keys,
              sequence,
              map.keys()[sequence],
              step);
      scores(point, value, shape);
    }
    return point.last();
  }

  private void scores(CompiledPlan.Point point, Buffer value, HostTensor shape) {
    int rows = shape.positions().length;
    List<ResolvedEdit> edits = edits(point, shape.sequence());
    Matrix cells = Matrix.of(value, shape.heads() * rows, shape.inner());
    if (edits.isEmpty() || deviceEdits.canMake(edits)) {
      readCells(point.before(), cells, shape);
      deviceEdits.make(edits, shape, value, 0, shape.inner(), rows * shape.inner());
      readCells(point.after(), cells, shape);
      return;
    }
    float[] values = new float[value.size()];
    backend.download(value, 0, values, 0, values.length);
    act(point, edits, shape.with(values));
    backend.upload(values, 0, value, 0, values.length);
  }

  /** Copies out the rows that reads want, where they lie together in each head; or else all. */
  private void readCells(List<ResolvedRead> reads, Matrix cells, HostTensor shape) {
    for (ResolvedRead read : reads) {
      if (read.where().covers(shape.sequence(), step)) {
        int[] positions = shape.positions();
        List<int[]> runs = runs(wanted(read.where(), shape.sequence(), positions));
        if (runs.size() != 1) {
          take(read, shape, List.of(cells));
          continue;
        }
        int from = runs.getFirst()[0];
        int to = runs.getFirst()[1];
        int keys = cells.columns();
        Matrix ofHeads =
            new Matrix(
                cells.buffer(),
                cells.offset() + from * keys,
                shape.heads(),
                (to - from) * keys,
                positions.length * keys);
        take(read, shape.at(Arrays.copyOfRange(positions, from, to)), List.of(ofHeads));
      }
    }
  }

  private void act(CompiledPlan.Point point, List<ResolvedEdit> edits, HostTensor tensor) {
    for (ResolvedRead read : point.before()) {
      take(read, tensor);
    }
    for (ResolvedEdit edit : edits) {
      EditOps.apply(edit, tensor);
    }
    for (ResolvedRead read : point.after()) {
      take(read, tensor);
    }
  }

  /** A read of what is on the host. */
  private void take(ResolvedRead read, HostTensor tensor) {
    if (read.where().covers(tensor.sequence(), step)) {
      Activation value = ReadOps.extract(read, tensor);
      later.add(new Later(read, tensor.sequence(), () -> value));
    }
  }

  /** A read of views that together are the tensor's values. */
  private void take(ResolvedRead read, HostTensor shape, List<Matrix> views) {
    int size = views.stream().mapToInt(v -> v.rows() * v.columns()).sum();
    if (tape == null) {
      float[] values = new float[size];
      int at = 0;
      for (Matrix view : views) {
        download(view, values, at);
        at += view.rows() * view.columns();
      }
      Activation value = ReadOps.extractOwned(read, shape.with(values));
      later.add(new Later(read, shape.sequence(), () -> value));
      return;
    }
    int[] taken = views.stream().mapToInt(tape::take).toArray();
    later.add(
        new Later(
            read,
            shape.sequence(),
            () -> ReadOps.extractOwned(read, shape.with(together(tape, taken, size)))));
  }

  private void download(Matrix view, float[] values, int at) {
    if (view.stride() == view.columns()) {
      int count = view.rows() * view.columns();
      backend.download(view.buffer(), view.offset(), values, at, count);
      return;
    }
    for (int r = 0; r < view.rows(); r++) {
      int from = view.offset() + r * view.stride();
      backend.download(view.buffer(), from, values, at + r * view.columns(), view.columns());
    }
  }

  private static float[] together(Tape tape, int[] taken, int size) {
    if (taken.length == 1) {
      return tape.values(taken[0]);
    }
    float[] values = new float[size];
    int at = 0;
    for (int number : taken) {
      float[] part = tape.values(number);
      System.arraycopy(part, 0, values, at, part.length);
      at += part.length;
    }
    return values;
  }
}
