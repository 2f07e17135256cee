package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

/**
 * Edits and reads against an oracle that walks every cell and asks of each on its own what becomes
 * of it.
 */
class EditOpsPropertyTest {
  private static final int CASES = 150;

  /** What one cell of one case means. */
  private record Cell(int position, int head, int index, int place, int headPlace, int indexPlace) {
    boolean selected() {
      return place >= 0 && headPlace >= 0 && indexPlace >= 0;
    }
  }

  private static final class Case {
    final long seed;
    final RandomPlans plans;
    final PromptSpan span;
    final PromptSpan[] batch;
    final HookPoint point;
    final Selection where;
    final HostTensor tensor;
    final int[] positions;
    final int[] heads;
    final int[] indices;
    final Operation operation;

    Case(long seed) {
      this.seed = seed;
      plans = new RandomPlans(seed);
      int end = plans.between(1, 7);
      span = new PromptSpan(plans.random.nextInt(end), end, 0);
      // Half of the cases are the second sequence of a batch whose first one is shorter or longer.
      batch =
          plans.random.nextBoolean()
              ? new PromptSpan[] {span}
              : new PromptSpan[] {new PromptSpan(0, plans.between(1, 9), 0), span};
      point = plans.point();
      Selection asked = plans.selection(point, span);
      tensor = plans.tensor(point, span, batch.length - 1);
      int[] all = tensor.positions();
      positions = asked.positions() == null ? all : fromEnd(asked.positions(), end);
      int[] keys = asked.keys();
      if (keys != null
          && Arrays.stream(fromEnd(keys, end)).min().orElseThrow()
              > Arrays.stream(positions).max().orElseThrow()) {
        asked = asked.keys(0); // what was drawn selects nothing
      }
      where = asked.sequences(-1);
      heads =
          asked.heads() == null
              ? IntStream.range(0, tensor.heads()).toArray()
              : fromEnd(asked.heads(), tensor.heads());
      indices =
          asked.keys() == null
              ? IntStream.range(0, tensor.inner()).toArray()
              : fromEnd(asked.keys(), end);
      operation = plans.operation(point, positions.length, heads.length, indices.length);
    }

    Cell cell(int row, int head, int index) {
      int position = tensor.positions()[row];
      return new Cell(
          position,
          head,
          index,
          place(positions, position),
          place(heads, head),
          place(indices, index));
    }

    ResolvedEdit edit() {
      HookPlan plan = HookPlan.builder().edit(point.name(), where, operation).build();
      return PlanResolver.resolve(plan, plans.config, batch).edits().getFirst();
    }

    ResolvedRead read() {
      return PlanResolver.resolve(
              HookPlan.builder().read(point.name(), where).build(), plans.config, batch)
          .reads()
          .getFirst();
    }

    @Override
    public String toString() {
      return "seed %d: %s, %s, %s: %s".formatted(seed, point, span, where, operation);
    }
  }

  private static int[] fromEnd(int[] numbers, int end) {
    return Arrays.stream(numbers).map(n -> n < 0 ? n + end : n).toArray();
  }

  private static int place(int[] numbers, int number) {
    return IntStream.range(0, numbers.length)
        .filter(i -> numbers[i] == number)
        .findFirst()
        .orElse(-1);
  }

  /** The element of an operation's array that belongs to a cell. */
  private static float element(Case c, Operation.Value value, Cell cell) {
    int[] shape = value.shape();
    if (shape.length == 1) {
      return value.data()[cell.indexPlace];
    }
    int width = c.indices.length;
    int row =
        c.point.site().overKeys()
            ? cell.headPlace * c.positions.length + cell.place
            : cell.place * c.heads.length + cell.headPlace;
    return value.data()[row * width + cell.indexPlace];
  }

  private static float mean(Case c, Operation.Value value, Cell cell) {
    double sum = 0;
    for (int i = 0; i < c.positions.length; i++) {
      sum += element(c, value, new Cell(0, 0, 0, i, cell.headPlace, cell.indexPlace));
    }
    return (float) (sum / c.positions.length);
  }

  private static float projected(
      Case c, Operation.Value vector, HostTensor before, int row, int head, int index) {
    double squares = 0;
    double dot = 0;
    for (float v : vector.data()) {
      squares += (double) v * v;
    }
    for (int i = 0; i < vector.data().length; i++) {
      dot += before.values()[before.at(row, head) + i] * (vector.data()[i] / Math.sqrt(squares));
    }
    float x = before.values()[before.at(row, head) + index];
    return dot == 0 ? x : (float) (x - dot * (vector.data()[index] / Math.sqrt(squares)));
  }

  private static float expected(Case c, HostTensor before, int row, int head, int index) {
    Cell cell = c.cell(row, head, index);
    float x = before.values()[before.at(row, head) + index];
    boolean exists = !c.point.site().overKeys() || index <= cell.position;
    if (!exists || !cell.selected()) {
      return x;
    }
    return switch (c.operation) {
      case Operation.Zero _ -> 0;
      case Operation.Knockout _ -> c.point.site() == Site.PATTERN ? 0 : Float.NEGATIVE_INFINITY;
      case Operation.Scale s -> s.factor() == 1 ? x : x * s.factor();
      case Operation.Replace r -> element(c, r.value(), cell);
      case Operation.Mean m -> mean(c, m.value(), cell);
      case Operation.Add a -> {
        float v = element(c, a.value(), cell);
        yield v == 0 ? x : x + v;
      }
      case Operation.Interpolate i -> {
        float v = element(c, i.value(), cell);
        float t = i.weight();
        yield t == 0 || x == v ? x : t == 1 ? v : (1 - t) * x + t * v;
      }
      case Operation.Noise n ->
          n.standardDeviation() == 0
              ? x
              : (float)
                  (x
                      + (double) n.standardDeviation()
                          * Noise.normal(
                              Noise.key(n.seed(), 77, c.point, cell.position, head), index));
      case Operation.ProjectOut p -> projected(c, p.vector(), before, row, head, index);
      case Operation.Function _ -> throw new AssertionError();
    };
  }

  private static float[] expected(Case c) {
    float[] out = c.tensor.values().clone();
    for (int r = 0; r < c.tensor.positions().length; r++) {
      for (int h = 0; h < c.tensor.heads(); h++) {
        for (int k = 0; k < c.tensor.inner(); k++) {
          out[c.tensor.at(r, h) + k] = expected(c, c.tensor, r, h, k);
        }
      }
    }
    return out;
  }

  private static int[] bits(float[] values) {
    return IntStream.range(0, values.length).map(i -> Float.floatToRawIntBits(values[i])).toArray();
  }

  private Case draw(RepetitionInfo info) {
    return new Case(7_000 + info.getCurrentRepetition());
  }

  @RepeatedTest(CASES)
  void apply_anyEdit_equalsTheOracleToTheBit(RepetitionInfo info) {
    Case c = draw(info);
    HostTensor edited = RandomPlans.copy(c.tensor);
    EditOps.apply(c.edit(), edited);
    assertThat(bits(edited.values())).as(c.toString()).isEqualTo(bits(expected(c)));
  }

  @RepeatedTest(CASES)
  void apply_inChunks_equalsTheWhole(RepetitionInfo info) {
    Case c = draw(info);
    float[] whole = expected(c);
    ResolvedEdit edit = c.edit();
    int rows = c.tensor.positions().length;
    for (int from = 0; from < rows; ) {
      int to = c.plans.between(from + 1, rows);
      HostTensor chunk = RandomPlans.rows(c.tensor, from, to);
      EditOps.apply(edit, chunk);
      for (int r = from; r < to; r++) {
        for (int h = 0; h < chunk.heads(); h++) {
          int start = c.tensor.at(r, h);
          int own = chunk.at(r - from, h);
          assertThat(bits(Arrays.copyOfRange(chunk.values(), own, own + chunk.inner())))
              .as(c + " row " + r)
              .isEqualTo(bits(Arrays.copyOfRange(whole, start, start + chunk.inner())));
        }
      }
      from = to;
    }
  }

  @RepeatedTest(CASES)
  void extract_anyRead_equalsTheOracle(RepetitionInfo info) {
    Case c = draw(info);
    Activation activation = ReadOps.extract(c.read(), c.tensor);
    assertThat(activation).isNotNull();
    assertThat(activation.name()).isEqualTo(c.point.name());
    assertThat(activation.axes()).isEqualTo(c.point.site().axes());
    boolean keys = c.point.site().overKeys();
    boolean heads = c.point.site().headAxis() != null;
    for (int p = 0; p < c.positions.length; p++) {
      for (int h = 0; h < c.heads.length; h++) {
        for (int i = 0; i < c.indices.length; i++) {
          int row = c.positions[p] - c.span.first();
          float found =
              keys
                  ? activation.get(h, p, i)
                  : heads ? activation.get(p, h, i) : activation.get(p, i);
          assertThat(found)
              .as(c.toString())
              .isEqualTo(c.tensor.values()[c.tensor.at(row, c.heads[h]) + c.indices[i]]);
        }
      }
    }
    assertThat(activation.values()).hasSize(c.positions.length * c.heads.length * c.indices.length);
  }

  @RepeatedTest(CASES)
  void replace_byOwnValue_changesNoBit(RepetitionInfo info) {
    Case c = draw(info);
    Operation.Value own = Operation.Value.of(ReadOps.extract(c.read(), c.tensor));
    for (Operation operation :
        new Operation[] {new Operation.Replace(own, false), new Operation.Interpolate(own, 0.3f)}) {
      HookPlan plan = HookPlan.builder().edit(c.point.name(), c.where, operation).build();
      HostTensor edited = RandomPlans.copy(c.tensor);
      EditOps.apply(PlanResolver.resolve(plan, c.plans.config, c.batch).edits().getFirst(), edited);
      assertThat(bits(edited.values())).as(c.toString()).isEqualTo(bits(c.tensor.values()));
    }
  }

  @RepeatedTest(CASES)
  void function_thatNegates_actsOnTheSelectionAlone(RepetitionInfo info) {
    Case c = draw(info);
    EditFunction negate =
        view -> {
          assertThat(view.positions()).isEqualTo(c.positions);
          assertThat(view.heads()).isEqualTo(c.heads);
          for (int i = 0; i < view.values().length; i++) {
            int row = c.point.site().overKeys() ? i / c.indices.length % c.positions.length : -1;
            if (row < 0 || c.indices[i % c.indices.length] <= c.positions[row]) {
              view.values()[i] = -view.values()[i];
            }
          }
        };
    HookPlan plan = HookPlan.builder().function(c.point.name(), c.where, negate).build();
    HostTensor edited = RandomPlans.copy(c.tensor);
    EditOps.apply(PlanResolver.resolve(plan, c.plans.config, c.batch).edits().getFirst(), edited);
    for (int r = 0; r < c.tensor.positions().length; r++) {
      for (int h = 0; h < c.tensor.heads(); h++) {
        for (int k = 0; k < c.tensor.inner(); k++) {
          Cell cell = c.cell(r, h, k);
          boolean acts = cell.selected() && (!c.point.site().overKeys() || k <= cell.position);
          float before = c.tensor.values()[c.tensor.at(r, h) + k];
          assertThat(edited.values()[edited.at(r, h) + k])
              .as(c.toString())
              .isEqualTo(acts ? -before : before);
        }
      }
    }
  }
}
