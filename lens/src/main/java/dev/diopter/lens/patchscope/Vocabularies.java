package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.models.Tokenizer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/**
 * Whether an id means the same to two models: it does to a model and itself, and to models whose
 * tokenizers have the same token for every id. Equally many ids are not enough, and without
 * tokenizers nobody knows. Each pair is compared once. For one thread.
 */
final class Vocabularies {
  private final Map<Pair, Boolean> known = new HashMap<>();

  private record Pair(Model one, Model other) {}

  boolean areSame(Model one, Model other) {
    return known.computeIfAbsent(new Pair(one, other), Vocabularies::areSame);
  }

  private static boolean areSame(Pair pair) {
    if (pair.one.equals(pair.other)) {
      return true;
    }
    int size = pair.one.config().vocabulary();
    if (size != pair.other.config().vocabulary()
        || !pair.one.hasTokenizer()
        || !pair.other.hasTokenizer()) {
      return false;
    }
    Tokenizer one = pair.one.tokenizer();
    Tokenizer other = pair.other.tokenizer();
    for (int id = 0; id < size; id++) {
      if (!Objects.equals(one.token(id), other.token(id))
          || !Arrays.equals(one.bytes(id), other.bytes(id))) {
        return false;
      }
    }
    return true;
  }
}
