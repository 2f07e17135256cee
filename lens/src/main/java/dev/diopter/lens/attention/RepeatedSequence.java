package dev.diopter.lens.attention;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.models.Tokenizer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A random sequence twice: what an induction head knows at the second time, and no other head has
 * any reason to.
 *
 * @param ids what is run: BOS where there is one, the sequence, the sequence again; not to be
 *     changed
 * @param period tokens of the sequence
 */
public record RepeatedSequence(int[] ids, int period) {
  private static final Pattern WORD = Pattern.compile(" \\p{Ll}{3,}");

  /**
   * A sequence of different tokens behind the model's BOS, if it has one. They are words with a
   * blank in front where the tokenizer has enough of them: a small model has hardly seen anything
   * else repeated. Otherwise they are any tokens but special ones.
   *
   * @param period tokens of the sequence
   * @param seed decides it
   */
  public static RepeatedSequence random(Model model, int period, long seed) {
    Integer bos = model.config().bosId();
    int front = bos == null ? 0 : 1;
    int[] pool = pool(model, period);
    int most = Math.min((model.config().contextLength() - front) / 2, pool.length);
    if (period < 2 || period > most) {
      throw new UsageException(
          "--period: expected 2 to %d tokens for %s, got %d".formatted(most, model.name(), period));
    }
    Random random = new Random(seed);
    int[] ids = new int[front + 2 * period];
    if (bos != null) {
      ids[0] = bos;
    }
    for (int i = 0; i < period; i++) {
      int chosen = i + random.nextInt(pool.length - i);
      int id = pool[chosen];
      pool[chosen] = pool[i];
      ids[front + i] = id;
      ids[front + period + i] = id;
    }
    return new RepeatedSequence(ids, period);
  }

  private static int[] pool(Model model, int period) {
    if (model.hasTokenizer()) {
      Tokenizer tokenizer = model.tokenizer();
      int[] words =
          IntStream.range(0, Math.min(tokenizer.size(), model.config().vocabulary()))
              .filter(id -> WORD.matcher(tokenizer.label(id)).matches())
              .toArray();
      if (words.length >= period) {
        return words;
      }
    }
    Set<Integer> special = new HashSet<>(model.config().eosIds());
    if (model.hasTokenizer()) {
      special.addAll(model.tokenizer().specialIds());
    }
    Integer bos = model.config().bosId();
    if (bos != null) {
      special.add(bos);
    }
    return IntStream.range(0, model.config().vocabulary())
        .filter(id -> !special.contains(id))
        .toArray();
  }

  /**
   * A given sequence, with at most one token in front of its two halves.
   *
   * @throws UsageException where it has no two equal halves
   */
  public static RepeatedSequence of(int... ids) {
    int front = ids.length % 2;
    int period = ids.length / 2;
    if (period < 2
        || !Arrays.equals(ids, front, front + period, ids, front + period, front + 2 * period)) {
      throw new UsageException(
          "--ids: expected a sequence of at least two ids twice, with at most one id in front, got %d ids that are none"
              .formatted(ids.length));
    }
    return new RepeatedSequence(ids.clone(), period);
  }
}
