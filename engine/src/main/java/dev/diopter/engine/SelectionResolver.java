package dev.diopter.engine;

import dev.diopter.models.DecoderConfig;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Resolves the numbers of one selection at one point. Every number must mean something that a pass
 * computes: none is dropped.
 */
final class SelectionResolver {
  private final HookPoint point;
  private final Selection asked;
  private final DecoderConfig config;
  private final PromptSpan[] spans;
  private final String place;

  private SelectionResolver(
      HookPoint point, Selection asked, DecoderConfig config, PromptSpan[] spans, String place) {
    this.point = point;
    this.asked = asked;
    this.config = config;
    this.spans = spans;
    this.place = place;
  }

  /**
   * Resolves.
   *
   * @param place start of messages: the entry of the plan and the hook
   */
  static ResolvedSelection resolve(
      HookPoint point, Selection asked, DecoderConfig config, PromptSpan[] spans, String place) {
    return new SelectionResolver(point, asked, config, spans, place).resolve();
  }

  private ResolvedSelection resolve() {
    boolean[] sequences = sequences();
    int[] heads = heads();
    if (asked.keys() != null && !point.site().overKeys()) {
      throw fail(
          "keys: %s has no key axis, its shape is %s".formatted(point.site().template(), shape()));
    }
    boolean[] selected = sequences == null ? all() : sequences;
    checkSteps(selected);
    int[][] positions = positions(selected);
    int[][] keys = keys(selected, positions);
    return new ResolvedSelection(positions, heads, keys, sequences, asked.steps());
  }

  private boolean[] all() {
    boolean[] all = new boolean[spans.length];
    Arrays.fill(all, true);
    return all;
  }

  private boolean @Nullable [] sequences() {
    int[] numbers = asked.sequences();
    if (numbers == null) {
      return null;
    }
    boolean[] chosen = new boolean[spans.length];
    for (int s : fromEnd("sequences", numbers, spans.length)) {
      chosen[s] = true;
    }
    return chosen;
  }

  private int @Nullable [] heads() {
    int[] numbers = asked.heads();
    if (numbers == null) {
      return null;
    }
    Axis axis = point.site().headAxis();
    if (axis == null) {
      throw fail(
          "heads: %s has no head axis, its shape is %s"
              .formatted(point.site().template(), shape()));
    }
    return fromEnd(
        axis == Axis.KV_HEAD ? "heads (key/value heads)" : "heads", numbers, axis.size(config));
  }

  private void checkSteps(boolean[] selected) {
    Steps steps = asked.steps();
    int last = 0;
    for (int s = 0; s < spans.length; s++) {
      last = selected[s] ? Math.max(last, spans[s].newTokens()) : last;
    }
    for (int step : steps.toArray()) {
      if (step > last) {
        throw fail(
            "steps: step %d never comes; expected %s"
                .formatted(
                    step, last == 0 ? "0, the pass over the prompt, the only one" : "0.." + last));
      }
    }
    for (int s = 0; s < spans.length; s++) {
      if (selected[s] && spans[s].countOf(steps) == 0) {
        throw fail(
            "steps %s%s: selects nothing; no position is computed there".formatted(steps, of(s)));
      }
    }
  }

  private int @Nullable [][] positions(boolean[] selected) {
    int[] numbers = asked.positions();
    if (numbers == null) {
      return null;
    }
    requireSome("positions", numbers);
    int[][] positions = new int[spans.length][];
    Set<Integer> reached = new HashSet<>();
    for (int s = 0; s < spans.length; s++) {
      positions[s] = selected[s] ? positions(numbers, s, reached) : new int[0];
    }
    for (int step : asked.steps().toArray()) {
      if (!reached.contains(step)) {
        throw fail(
            "steps: no selected position is computed at step %d; step 0 computes the prompt, step t the position t - 1 behind it"
                .formatted(step));
      }
    }
    return positions;
  }

  private int[] positions(int[] numbers, int sequence, Set<Integer> reached) {
    PromptSpan span = spans[sequence];
    Steps steps = asked.steps();
    int last = span.end() - 1 + span.newTokens();
    int[] resolved = new int[numbers.length];
    Set<Integer> seen = new HashSet<>();
    for (int i = 0; i < numbers.length; i++) {
      int position = numbers[i] < 0 ? numbers[i] + span.end() : numbers[i];
      int highest = steps.equals(Steps.PROMPT) ? span.end() - 1 : last;
      if (position < 0 || position > highest) {
        throw fail(
            "positions%s: expected %s, got %d"
                .formatted(of(sequence), range(span, highest), numbers[i]));
      }
      if (position < span.first()) {
        throw fail(
            "positions%s: %d lies in the cached part, which this pass does not compute; expected %s"
                .formatted(of(sequence), numbers[i], range(span, highest)));
      }
      int step = span.stepOf(position);
      if (!steps.contains(step)) {
        throw fail(
            "positions%s: %d is computed at step %d, which is not among steps %s"
                .formatted(of(sequence), numbers[i], step, steps));
      }
      if (!seen.add(position)) {
        throw fail("positions%s: %d occurs twice".formatted(of(sequence), position));
      }
      reached.add(step);
      resolved[i] = position;
    }
    return resolved;
  }

  private static String range(PromptSpan span, int highest) {
    String forward = span.first() + ".." + highest;
    return span.end() == span.first()
        ? forward
        : "%s (or -%d..-1 from the end of the prompt)"
            .formatted(forward, span.end() - span.first());
  }

  private int @Nullable [][] keys(boolean[] selected, int @Nullable [][] positions) {
    int[] numbers = asked.keys();
    if (numbers == null) {
      return null;
    }
    requireSome("keys", numbers);
    int[][] keys = new int[spans.length][];
    for (int s = 0; s < spans.length; s++) {
      keys[s] =
          selected[s] ? keys(numbers, s, positions == null ? null : positions[s]) : new int[0];
    }
    return keys;
  }

  private int[] keys(int[] numbers, int sequence, int @Nullable [] positions) {
    PromptSpan span = spans[sequence];
    int last = span.lastOf(asked.steps());
    int[] resolved = new int[numbers.length];
    Set<Integer> seen = new HashSet<>();
    int lowest = Integer.MAX_VALUE;
    for (int i = 0; i < numbers.length; i++) {
      int key = numbers[i] < 0 ? numbers[i] + span.end() : numbers[i];
      if (key < 0 || key > last) {
        throw fail(
            "keys%s: expected 0..%d (or -%d..-1 from the end of the prompt), got %d"
                .formatted(of(sequence), last, span.end(), numbers[i]));
      }
      if (!seen.add(key)) {
        throw fail("keys%s: %d occurs twice".formatted(of(sequence), key));
      }
      lowest = Math.min(lowest, key);
      resolved[i] = key;
    }
    int query = last;
    if (positions != null) {
      query = Arrays.stream(positions).max().orElse(-1);
    }
    if (lowest > query) {
      throw fail(
          "keys%s: selects nothing; every selected key lies behind every selected query, the last of which is %d"
              .formatted(of(sequence), query));
    }
    return resolved;
  }

  /** Numbers of an axis of known size; negative ones count from its end. */
  private int[] fromEnd(String what, int[] numbers, int size) {
    requireSome(what, numbers);
    int[] resolved = new int[numbers.length];
    Set<Integer> seen = new HashSet<>();
    for (int i = 0; i < numbers.length; i++) {
      int number = numbers[i] < 0 ? numbers[i] + size : numbers[i];
      if (number < 0 || number >= size) {
        throw fail(
            "%s: expected 0..%d (or -%d..-1 from the end), got %d"
                .formatted(what, size - 1, size, numbers[i]));
      }
      if (!seen.add(number)) {
        throw fail("%s: %d occurs twice".formatted(what, number));
      }
      resolved[i] = number;
    }
    return resolved;
  }

  private void requireSome(String what, int[] numbers) {
    if (numbers.length == 0) {
      throw fail(
          "%s: expected at least one number, got none; leave it out for all".formatted(what));
    }
  }

  private String of(int sequence) {
    return spans.length == 1 ? "" : " of sequence " + sequence;
  }

  private String shape() {
    return HookRegistry.shape(point.site(), config);
  }

  private UsageException fail(String message) {
    return new UsageException(place + ": " + message);
  }
}
