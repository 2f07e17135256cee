package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What happens at the hook points of one pass: reads are copied out, edits are made, in the order
 * of the plan. One for each pass, used by its thread alone.
 */
final class Taps {
  private final CompiledPlan plan;
  private final Backend backend;
  private final DecoderConfig config;
  private final int step;
  private final List<Map<String, Activation>> before = new ArrayList<>();
  private final List<Map<String, Activation>> after = new ArrayList<>();

  Taps(CompiledPlan plan, Backend backend, DecoderConfig config, int sequences, int step) {
    this.plan = plan;
    this.backend = backend;
    this.config = config;
    this.step = step;
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
    if (point.edits().stream().noneMatch(e -> e.where().covers(sequence, step))) {
      for (ResolvedRead read : point.before()) {
        read(read, own, positions, map, sequence);
      }
      for (ResolvedRead read : point.after()) {
        read(read, own, positions, map, sequence);
      }
      return;
    }
    HostTensor tensor = host(point.point(), download(own), positions, own.columns(), map, sequence);
    act(point, tensor);
    upload(tensor.values(), own);
  }

  /** Copies out the rows that a read wants and no others. */
  private void read(ResolvedRead read, Matrix own, int[] positions, RowMap map, int sequence) {
    if (!read.where().covers(sequence, step)) {
      return;
    }
    int[] rows = wanted(read.where(), sequence, positions);
    int[] at = new int[rows.length];
    float[] values = new float[rows.length * own.columns()];
    if (rows.length == positions.length && own.stride() == own.columns()) {
      backend.download(own.buffer(), own.offset(), values, 0, values.length);
      at = positions;
    } else {
      for (int i = 0; i < rows.length; i++) {
        int from = own.offset() + rows[i] * own.stride();
        backend.download(own.buffer(), from, values, i * own.columns(), own.columns());
        at[i] = positions[rows[i]];
      }
    }
    take(read, host(read.point(), values, at, own.columns(), map, sequence));
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
      float[] values = new float[value.size()];
      backend.download(value, 0, values, 0, values.length);
      HostTensor tensor =
          new HostTensor(
              point.point(),
              values,
              positions,
              config.heads(),
              keys,
              sequence,
              map.keys()[sequence],
              step);
      act(point, tensor);
      if (!point.edits().isEmpty()) {
        backend.upload(values, 0, value, 0, values.length);
      }
    }
    return point.last();
  }

  private void act(CompiledPlan.Point point, HostTensor tensor) {
    for (ResolvedRead read : point.before()) {
      if (read.where().covers(tensor.sequence(), step)) {
        take(read, tensor);
      }
    }
    for (ResolvedEdit edit : point.edits()) {
      if (edit.where().covers(tensor.sequence(), step)) {
        EditOps.apply(edit, tensor);
      }
    }
    for (ResolvedRead read : point.after()) {
      if (read.where().covers(tensor.sequence(), step)) {
        take(read, tensor);
      }
    }
  }

  private void take(ResolvedRead read, HostTensor tensor) {
    Activation value = ReadOps.extract(read, tensor);
    if (value != null) {
      (read.when() == Read.When.BEFORE ? before : after)
          .get(tensor.sequence())
          .put(value.name(), value);
    }
  }

  private HostTensor host(
      HookPoint point, float[] values, int[] positions, int columns, RowMap map, int sequence) {
    Axis axis = point.site().headAxis();
    int heads = axis == null ? 1 : axis.size(config);
    return new HostTensor(
        point, values, positions, heads, columns / heads, sequence, map.keys()[sequence], step);
  }

  private float[] download(Matrix m) {
    float[] out = new float[m.rows() * m.columns()];
    if (m.stride() == m.columns()) {
      backend.download(m.buffer(), m.offset(), out, 0, out.length);
    } else {
      for (int r = 0; r < m.rows(); r++) {
        backend.download(
            m.buffer(), m.offset() + r * m.stride(), out, r * m.columns(), m.columns());
      }
    }
    return out;
  }

  private void upload(float[] values, Matrix m) {
    if (m.stride() == m.columns()) {
      backend.upload(values, 0, m.buffer(), m.offset(), values.length);
    } else {
      for (int r = 0; r < m.rows(); r++) {
        backend.upload(
            values, r * m.columns(), m.buffer(), m.offset() + r * m.stride(), m.columns());
      }
    }
  }
}
