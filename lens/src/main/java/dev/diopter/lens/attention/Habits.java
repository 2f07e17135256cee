package dev.diopter.lens.attention;

import dev.diopter.models.Tokenizer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Where a head's attention goes, by simple classes of keys, and where it would go if it were spread
 * evenly. Both leave the sinks out. Sums over the sampled rows of a scan.
 */
final class Habits implements RowListener {
  /** A class of keys, as a reason to attend. */
  enum Kind {
    ITSELF("the query token itself"),
    PREVIOUS("the token right before the query"),
    SAME("earlier occurrences of the query's own token"),
    AFTER_SAME("tokens that followed an earlier occurrence of the query's token"),
    LINE_END("line ends"),
    PUNCTUATION("punctuation"),
    CAPITALISED("words that begin with a capital"),
    NUMBER("numbers"),
    NEAR("the five tokens before the query");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    /** What these keys are, in words. */
    String words() {
      return words;
    }
  }

  private static final List<Kind> KINDS = List.of(Kind.values());

  private final Tokenizer tokenizer;
  private final SinkSet.Finder sinks;
  private final Map<Integer, boolean[]> classes = new HashMap<>();
  private final double[] mass = new double[KINDS.size()];
  private final double[] even = new double[KINDS.size()];
  private double rest;
  private double sinkMass;
  private double distance;
  private long rows;

  Habits(Tokenizer tokenizer, SinkSet.Finder sinks) {
    this.tokenizer = tokenizer;
    this.sinks = sinks;
  }

  @Override
  public void row(Window window, int query, Multiples multiples, double[] row) {
    int[] ids = window.ids();
    boolean[] sink = sinks.of(ids);
    int others = 0;
    for (int k = 0; k <= query; k++) {
      others += sink[k] ? 0 : 1;
    }
    rows++;
    for (int k = 0; k <= query; k++) {
      double weight = multiples.weight(query, k);
      if (sink[k]) {
        sinkMass += weight;
        continue;
      }
      rest += weight;
      distance += weight * (query - k);
      for (int i = 0; i < mass.length; i++) {
        if (is(KINDS.get(i), ids, query, k)) {
          mass[i] += weight;
          even[i] += 1.0 / others;
        }
      }
    }
  }

  private static int at(Kind kind) {
    return KINDS.indexOf(kind);
  }

  private boolean is(Kind kind, int[] ids, int query, int key) {
    return switch (kind) {
      case ITSELF -> key == query;
      case PREVIOUS -> key == query - 1;
      case SAME -> key < query && ids[key] == ids[query];
      case AFTER_SAME -> key > 0 && key <= query && ids[key - 1] == ids[query];
      case NEAR -> key < query && key >= query - 5;
      case LINE_END -> looks(ids[key])[0];
      case PUNCTUATION -> looks(ids[key])[1];
      case CAPITALISED -> looks(ids[key])[2];
      case NUMBER -> looks(ids[key])[3];
    };
  }

  private boolean[] looks(int id) {
    return classes.computeIfAbsent(
        id,
        i -> {
          String label = tokenizer.label(i);
          String word = label.strip();
          return new boolean[] {
            label.indexOf('\n') >= 0,
            !word.isEmpty() && word.codePoints().noneMatch(Character::isLetterOrDigit),
            !word.isEmpty() && Character.isUpperCase(word.codePointAt(0)),
            !word.isEmpty() && word.codePoints().allMatch(Character::isDigit)
          };
        });
  }

  /** Share of the attention outside the sinks that goes to a class. */
  double share(Kind kind) {
    return rest == 0 ? 0 : mass[at(kind)] / rest;
  }

  /** The share that an even spread over the same rows would give. */
  double evenShare(Kind kind) {
    return rows == 0 ? 0 : even[at(kind)] / rows;
  }

  double sinkShare() {
    return rows == 0 ? 0 : sinkMass / rows;
  }

  /** Mean distance to the keys that are no sinks. */
  double meanDistance() {
    return rest == 0 ? 0 : distance / rest;
  }
}
