package dev.diopter.lens.attention;

import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Which keys are attention sinks: places where heads put the attention that they have no use for.
 */
public enum SinkSet {
  /** The first token of the window, whatever it is. */
  FIRST,
  /** Tokens with the model's BOS id. */
  BOS,
  /** All special tokens of the tokenizer, and BOS. */
  SPECIAL,
  /** None. */
  NONE;

  /** The name in commands and files. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Names of all sets. */
  public static List<String> labels() {
    return Arrays.stream(values()).map(SinkSet::label).toList();
  }

  /**
   * The set of a name.
   *
   * @throws UsageException where there is none
   */
  public static SinkSet of(String label) {
    for (SinkSet set : values()) {
      if (set.label().equals(label)) {
        return set;
      }
    }
    throw new UsageException(
        "--sinks: expected one of %s, got '%s'".formatted(String.join(", ", labels()), label));
  }

  /**
   * Says which keys of a window are sinks.
   *
   * @param tokenizer the model's; null where it has none, which leaves BOS of the special tokens
   */
  public Finder finder(DecoderConfig config, @Nullable Tokenizer tokenizer) {
    Integer bos = config.bosId();
    IntPredicate isBos = id -> bos != null && id == bos;
    List<Integer> special = tokenizer == null ? List.of() : List.copyOf(tokenizer.specialIds());
    return ids -> {
      boolean[] sinks = new boolean[ids.length];
      for (int k = 0; k < ids.length; k++) {
        sinks[k] =
            switch (this) {
              case FIRST -> k == 0;
              case BOS -> isBos.test(ids[k]);
              case SPECIAL -> isBos.test(ids[k]) || special.contains(ids[k]);
              case NONE -> false;
            };
      }
      return sinks;
    };
  }

  /** Sinks of a window. */
  @FunctionalInterface
  public interface Finder {
    /** True at the positions that are sinks. */
    boolean[] of(int[] ids);
  }
}
