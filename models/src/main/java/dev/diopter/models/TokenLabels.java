package dev.diopter.models;

import java.util.Arrays;
import java.util.List;

/**
 * Tokens of a sequence as people read them. A character whose bytes several tokens share stands in
 * the first of them with {@code →} behind it, and the others have {@code ←} in its place: so the
 * text can be read, and no token looks like one that it is not. Every other token has its {@link
 * Tokenizer#label}, and so has one with bytes that are no character even together.
 */
public final class TokenLabels {
  /** Behind a character whose other bytes follow. */
  public static final String GOES_ON = "\u2192";

  /** In place of a character that began in an earlier token. */
  public static final String BEGAN = "\u2190";

  /** Most bytes of a character. */
  private static final int CHARACTER = 4;

  private TokenLabels() {}

  /** Labels of all tokens of a sequence. */
  public static String[] of(Tokenizer tokenizer, int[] ids) {
    String[] labels = new String[ids.length];
    List<Integer> special = tokenizer.specialIds();
    for (int from = 0; from < ids.length; ) {
      int to = from;
      int size = 0;
      byte[][] bytes = new byte[ids.length - from][];
      while (to < ids.length) {
        byte[] own = special.contains(ids[to]) ? null : tokenizer.bytes(ids[to]);
        if (own == null || own.length == 0) {
          break;
        }
        bytes[to - from] = own;
        size += own.length;
        to++;
      }
      run(tokenizer, ids, Arrays.copyOf(bytes, to - from), size, labels, from);
      if (to < ids.length) {
        labels[to] = tokenizer.label(ids[to]);
      }
      from = to + 1;
    }
    return labels;
  }

  /** The label of one token of a sequence. */
  public static String at(Tokenizer tokenizer, int[] ids, int position) {
    int from = Math.max(0, position - CHARACTER + 1);
    int to = Math.min(ids.length, position + CHARACTER);
    return of(tokenizer, Arrays.copyOfRange(ids, from, to))[position - from];
  }

  /** Labels of tokens that follow each other and all have bytes. */
  private static void run(
      Tokenizer tokenizer, int[] ids, byte[][] tokens, int size, String[] labels, int at) {
    boolean[] broken = new boolean[tokens.length];
    byte[] all = new byte[size];
    int[] owner = new int[size];
    int filled = 0;
    for (int t = 0; t < tokens.length; t++) {
      System.arraycopy(tokens[t], 0, all, filled, tokens[t].length);
      Arrays.fill(owner, filled, filled + tokens[t].length, t);
      filled += tokens[t].length;
    }
    StringBuilder[] texts = new StringBuilder[tokens.length];
    Arrays.setAll(texts, _ -> new StringBuilder());
    for (int i = 0; i < size; ) {
      int length = Utf8.length(all, i);
      if (length == 0) {
        broken[owner[i]] = true;
        i++;
        continue;
      }
      int first = owner[i];
      int last = owner[i + length - 1];
      texts[first].append(Utf8.character(all, i, length));
      if (last > first) {
        texts[first].append(GOES_ON);
      }
      for (int t = first + 1; t <= last; t++) {
        texts[t].append(BEGAN);
      }
      i += length;
    }
    for (int t = 0; t < tokens.length; t++) {
      labels[at + t] = broken[t] ? tokenizer.label(ids[at + t]) : texts[t].toString();
    }
  }
}
