package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;
import java.util.Arrays;
import java.util.List;

/**
 * Whose mixed values, before the output projection; query heads where keys and values are grouped.
 *
 * @param numbers the heads; negative ones count from the last; empty for the residual stream
 * @param zip true where the first head goes with the first position and so on; false for every head
 *     at every position
 */
public record Heads(List<Integer> numbers, boolean zip) {
  /** The residual stream. */
  public static final Heads NONE = new Heads(List.of(), false);

  public Heads {
    numbers = List.copyOf(numbers);
  }

  /** These heads at every position. */
  public static Heads of(int... heads) {
    return new Heads(Arrays.stream(heads).boxed().toList(), false);
  }

  /** One head for each position. */
  public Heads zipped() {
    return new Heads(numbers, true);
  }

  /** Whether it is the residual stream. */
  public boolean isNone() {
    return numbers.isEmpty();
  }

  /** Reads numbers and ranges with commas; behind {@code zip:} one for each position. */
  public static Heads parse(String text) {
    boolean zip = text.startsWith("zip:");
    Heads heads = of(Numbers.list("head", zip ? text.substring(4) : text));
    return zip ? heads.zipped() : heads;
  }

  int[] resolve(int heads, String side) {
    int[] out = new int[numbers.size()];
    for (int i = 0; i < out.length; i++) {
      int number = numbers.get(i);
      out[i] = number < 0 ? number + heads : number;
      if (out[i] < 0 || out[i] >= heads) {
        throw new UsageException(
            "%s head: expected 0 to %d or -1 to -%d, got %d"
                .formatted(side, heads - 1, heads, number));
      }
    }
    return out;
  }
}
