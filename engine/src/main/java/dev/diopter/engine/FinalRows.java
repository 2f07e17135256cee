package dev.diopter.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * Which rows go through the final norm and which through the unembedding: those whose logits or
 * loss are wanted, and those at which a hook reads or a function looks on.
 */
record FinalRows(Picked normed, Picked unembedded) {

  /**
   * Chosen rows of a pass.
   *
   * @param sequences sequence of each
   * @param local row within its sequence
   * @param source the pass's rows
   */
  record Picked(int[] sequences, int[] local, Rows source) {

    int count() {
      return local.length;
    }

    int sequence(int i) {
      return sequences[i];
    }

    /** Row within its sequence. */
    int row(int i) {
      return local[i];
    }

    /** Rows of the pass. */
    int[] rows() {
      int[] first = source.map().firstRow();
      return IntStream.range(0, count()).map(i -> first[sequences[i]] + local[i]).toArray();
    }

    RowMap map() {
      int[][] positions = new int[source.sequences()][];
      for (int s = 0; s < positions.length; s++) {
        int[] own = source.map().positions()[s];
        int sequence = s;
        positions[s] =
            IntStream.range(0, count())
                .filter(i -> sequences[i] == sequence)
                .map(i -> own[local[i]])
                .toArray();
      }
      return RowMap.of(positions, source.map().keys());
    }

    Picked part(int from, int to) {
      return new Picked(
          Arrays.copyOfRange(sequences, from, to), Arrays.copyOfRange(local, from, to), source);
    }

    /** Where these rows stand among others that contain them. */
    int[] within(Picked all) {
      int[] out = new int[count()];
      int j = 0;
      for (int i = 0; i < out.length; i++) {
        while (all.sequences[j] != sequences[i] || all.local[j] != local[i]) {
          j++;
        }
        out[i] = j;
      }
      return out;
    }
  }

  static FinalRows of(Pass.Task task, Rows rows, CompiledPlan plan) {
    List<TreeSet<Integer>> unembedded = new ArrayList<>();
    List<TreeSet<Integer>> normed = new ArrayList<>();
    for (int s = 0; s < rows.sequences(); s++) {
      int[] positions = rows.map().positions()[s];
      TreeSet<Integer> out = new TreeSet<>();
      for (int row : task.logitRows()[s]) {
        out.add(row);
      }
      if (task.loss()) {
        IntStream.range(0, positions.length - 1).forEach(out::add);
      }
      TreeSet<Integer> in = new TreeSet<>();
      for (ResolvedRead read : plan.plan().reads()) {
        add(read.point(), read.where(), s, positions, in, out);
      }
      for (ResolvedEdit edit : plan.plan().edits()) {
        if (edit.operation() instanceof Operation.Function) {
          add(edit.point(), edit.where(), s, positions, in, out);
        }
      }
      in.addAll(out);
      unembedded.add(out);
      normed.add(in);
    }
    return new FinalRows(pick(normed, rows), pick(unembedded, rows));
  }

  /**
   * Refuses edits that name positions behind the blocks which this pass does not compute there:
   * they could not act.
   *
   * @throws UsageException for the first such edit
   */
  void requireActing(CompiledPlan plan) {
    for (ResolvedEdit edit : plan.plan().edits()) {
      int[][] asked = edit.where().positions();
      if (!isBehindBlocks(edit.point().site()) || asked == null) {
        continue;
      }
      Picked computed = edit.point().site() == Site.UNEMBED_OUT ? unembedded : normed;
      int[][] there = computed.map().positions();
      for (int s = 0; s < asked.length; s++) {
        for (int position : asked[s]) {
          if (ofThisPass(s, position) && Arrays.binarySearch(there[s], position) < 0) {
            throw new UsageException(
                "edit of %s at position %d could not act: this pass computes it at positions %s only; ask for the logits or a read of that position"
                    .formatted(edit.point(), position, Arrays.toString(there[s])));
          }
        }
      }
    }
  }

  /** Other positions are computed by the passes of other steps. */
  private boolean ofThisPass(int sequence, int position) {
    return Arrays.binarySearch(normed.source.map().positions()[sequence], position) >= 0;
  }

  private static boolean isBehindBlocks(Site site) {
    return !site.inBlock() && site.compareTo(Site.RESID_PRE) > 0;
  }

  private static void add(
      HookPoint point,
      ResolvedSelection where,
      int sequence,
      int[] positions,
      TreeSet<Integer> normed,
      TreeSet<Integer> unembedded) {
    boolean[] chosenSequences = where.sequences();
    if (!isBehindBlocks(point.site()) || (chosenSequences != null && !chosenSequences[sequence])) {
      return;
    }
    TreeSet<Integer> target = point.site() == Site.UNEMBED_OUT ? unembedded : normed;
    int[][] chosen = where.positions();
    for (int row = 0; row < positions.length; row++) {
      int position = positions[row];
      if (chosen == null || IntStream.of(chosen[sequence]).anyMatch(p -> p == position)) {
        target.add(row);
      }
    }
  }

  private static Picked pick(List<TreeSet<Integer>> wanted, Rows rows) {
    List<Integer> sequences = new ArrayList<>();
    List<Integer> local = new ArrayList<>();
    for (int s = 0; s < wanted.size(); s++) {
      for (int row : wanted.get(s)) {
        sequences.add(s);
        local.add(row);
      }
    }
    return new Picked(toArray(sequences), toArray(local), rows);
  }

  private static int[] toArray(List<Integer> numbers) {
    return numbers.stream().mapToInt(Integer::intValue).toArray();
  }
}
