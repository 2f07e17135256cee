package dev.diopter.engine;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Which part of a hook's value is meant. Null means all; negative numbers count from the end
 * (positions and keys from the end of the prompt). An immutable value; arrays are copied in and
 * out.
 */
public final class Selection {
  /** Everything, in the pass over the prompt. */
  public static final Selection ALL = new Selection(null, null, null, null, Steps.PROMPT);

  private final int @Nullable [] sequences;
  private final int @Nullable [] positions;
  private final int @Nullable [] heads;
  private final int @Nullable [] keys;
  private final Steps steps;

  private Selection(
      int @Nullable [] sequences,
      int @Nullable [] positions,
      int @Nullable [] heads,
      int @Nullable [] keys,
      Steps steps) {
    this.sequences = sequences;
    this.positions = positions;
    this.heads = heads;
    this.keys = keys;
    this.steps = steps;
  }

  /** Sequences of the batch, by index. */
  public Selection sequences(int... numbers) {
    return new Selection(numbers.clone(), positions, heads, keys, steps);
  }

  /** Positions (for scores and patterns: queries). */
  public Selection positions(int... numbers) {
    return new Selection(sequences, numbers.clone(), heads, keys, steps);
  }

  /** Heads (for keys and values: key/value heads). */
  public Selection heads(int... numbers) {
    return new Selection(sequences, positions, numbers.clone(), keys, steps);
  }

  /** Keys of scores and patterns. */
  public Selection keys(int... numbers) {
    return new Selection(sequences, positions, heads, numbers.clone(), steps);
  }

  /** Steps of a generation. */
  public Selection steps(Steps chosen) {
    return new Selection(sequences, positions, heads, keys, chosen);
  }

  /** Chosen sequences; null for all. */
  public int @Nullable [] sequences() {
    return copy(sequences);
  }

  /** Chosen positions; null for all. */
  public int @Nullable [] positions() {
    return copy(positions);
  }

  /** Chosen heads; null for all. */
  public int @Nullable [] heads() {
    return copy(heads);
  }

  /** Chosen keys; null for all. */
  public int @Nullable [] keys() {
    return copy(keys);
  }

  /** The steps. */
  public Steps steps() {
    return steps;
  }

  private static int @Nullable [] copy(int @Nullable [] numbers) {
    return numbers == null ? null : numbers.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Selection s
        && Arrays.equals(sequences, s.sequences)
        && Arrays.equals(positions, s.positions)
        && Arrays.equals(heads, s.heads)
        && Arrays.equals(keys, s.keys)
        && steps.equals(s.steps);
  }

  @Override
  public int hashCode() {
    return Arrays.deepHashCode(new Object[] {sequences, positions, heads, keys, steps});
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    append(text, "sequences", sequences);
    append(text, "positions", positions);
    append(text, "heads", heads);
    append(text, "keys", keys);
    if (!steps.equals(Steps.PROMPT)) {
      text.append(text.isEmpty() ? "" : " ").append("steps ").append(steps);
    }
    return text.isEmpty() ? "all" : text.toString();
  }

  private static void append(StringBuilder text, String name, int @Nullable [] numbers) {
    if (numbers != null) {
      text.append(text.isEmpty() ? "" : " ")
          .append(name)
          .append(' ')
          .append(Arrays.toString(numbers));
    }
  }
}
