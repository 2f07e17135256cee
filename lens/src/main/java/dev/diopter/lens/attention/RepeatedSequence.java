package dev.diopter.lens.attention;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * A random sequence twice: what an induction head knows at the second time, and no other head has
 * any reason to.
 *
 * @param ids what is run: BOS where there is one, the sequence, the sequence again; not to be
 *     changed
 * @param period tokens of the sequence
 */
public record RepeatedSequence(int[] ids, int period) {

  /**
   * A sequence of different ordinary tokens behind the model's BOS, if it has one.
   *
   * @param period tokens of the sequence
   * @param seed decides it
   */
  public static RepeatedSequence random(Model model, int period, long seed) {
    Integer bos = model.config().bosId();
    List<Integer> special = model.hasTokenizer() ? model.tokenizer().specialIds() : List.of();
    Set<Integer> used = new HashSet<>(special);
    used.addAll(model.config().eosIds());
    if (bos != null) {
      used.add(bos);
    }
    int front = bos == null ? 0 : 1;
    int free = model.config().vocabulary() - used.size();
    int most = Math.min((model.config().contextLength() - front) / 2, Math.max(0, free));
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
      int id = random.nextInt(model.config().vocabulary());
      while (!used.add(id)) {
        id = random.nextInt(model.config().vocabulary());
      }
      ids[front + i] = id;
      ids[front + period + i] = id;
    }
    return new RepeatedSequence(ids, period);
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
