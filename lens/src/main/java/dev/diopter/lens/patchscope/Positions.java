package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.models.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Which positions of an input. Resolved once, against the input's own tokens, before anything runs.
 */
public sealed interface Positions {
  /** Every position. */
  Positions ALL = new All();

  /** The last position. */
  Positions LAST = at(-1);

  /** Chosen positions in this order; negative ones count from the end. */
  static Positions at(int... positions) {
    return new At(Arrays.stream(positions).boxed().toList());
  }

  /** The tokens that hold the first occurrence of a text. */
  static Positions of(String substring) {
    return new Substring(substring, 0, Part.ALL);
  }

  /** The absolute positions. */
  int[] resolve(Input input, Model model, String side);

  /** As a user writes it. */
  String label();

  /** Reads {@code all}, numbers, and ranges such as {@code 2-5} or {@code -3..-1}, with commas. */
  static Positions parse(String text) {
    return text.strip().equals("all") ? ALL : at(Numbers.list("position", text));
  }

  /** Every position. */
  record All() implements Positions {
    @Override
    public int[] resolve(Input input, Model model, String side) {
      return IntStream.range(0, input.length()).toArray();
    }

    @Override
    public String label() {
      return "all";
    }
  }

  /**
   * Chosen positions.
   *
   * @param numbers in this order, without duplicates
   */
  record At(List<Integer> numbers) implements Positions {
    public At {
      numbers = List.copyOf(numbers);
    }

    @Override
    public int[] resolve(Input input, Model model, String side) {
      int length = input.length();
      Set<Integer> seen = new HashSet<>();
      int[] out = new int[numbers.size()];
      for (int i = 0; i < out.length; i++) {
        int number = numbers.get(i);
        out[i] = number < 0 ? number + length : number;
        if (out[i] < 0 || out[i] >= length) {
          throw new UsageException(
              "%s position: expected 0 to %d or -1 to -%d, got %d"
                  .formatted(side, length - 1, length, number));
        }
        if (!seen.add(out[i])) {
          throw new UsageException("%s position: %d is given twice".formatted(side, out[i]));
        }
      }
      if (out.length == 0) {
        throw new UsageException(side + " position: expected at least one, got none");
      }
      return out;
    }

    @Override
    public String label() {
      return String.join(",", numbers.stream().map(String::valueOf).toList());
    }
  }

  /** Which tokens of an occurrence. */
  enum Part {
    ALL,
    FIRST,
    LAST
  }

  /**
   * The tokens that hold characters of a text's occurrence.
   *
   * @param text what to find, character for character
   * @param occurrence which one, from 0; negative ones count from the last; {@link #EVERY} for all
   * @param part which of its tokens
   */
  record Substring(String text, int occurrence, Part part) implements Positions {
    /** Every occurrence. */
    public static final int EVERY = Integer.MAX_VALUE;

    @Override
    public int[] resolve(Input input, Model model, String side) {
      List<int[]> found = occurrences(input, model, side);
      int index = occurrence < 0 ? occurrence + found.size() : occurrence;
      if (occurrence != EVERY && (index < 0 || index >= found.size())) {
        throw new UsageException(
            "%s substring: expected an occurrence from 0 to %d of '%s', got %d"
                .formatted(side, found.size() - 1, text, occurrence));
      }
      List<int[]> chosen = occurrence == EVERY ? found : List.of(found.get(index));
      return chosen.stream().flatMapToInt(s -> IntStream.of(part(s))).distinct().toArray();
    }

    private int[] part(int[] span) {
      return switch (part) {
        case ALL -> span;
        case FIRST -> new int[] {span[0]};
        case LAST -> new int[] {span[span.length - 1]};
      };
    }

    private List<int[]> occurrences(Input input, Model model, String side) {
      String all = input.prompt().text();
      Tokenizer.Encoding spans = input.spans(model);
      if (all == null || spans == null) {
        throw new UsageException(
            side + " substring: expected a text prompt, got token ids or a soft prompt");
      }
      List<int[]> found = new ArrayList<>();
      for (int at = text.isEmpty() ? -1 : all.indexOf(text); at >= 0; ) {
        int from = at;
        int to = at + text.length();
        found.add(
            IntStream.range(0, spans.ids().length)
                .filter(i -> spans.starts()[i] >= 0)
                .filter(i -> spans.starts()[i] < to && spans.ends()[i] > from)
                .toArray());
        at = all.indexOf(text, at + 1);
      }
      found.removeIf(s -> s.length == 0);
      if (found.isEmpty()) {
        throw new UsageException(
            "%s substring: '%s' is not in the prompt '%s'".formatted(side, text, all));
      }
      return found;
    }

    @Override
    public String label() {
      String which =
          occurrence == EVERY ? " (every one)" : occurrence == 0 ? "" : " #" + occurrence;
      return "'" + text + "'" + which;
    }
  }
}
