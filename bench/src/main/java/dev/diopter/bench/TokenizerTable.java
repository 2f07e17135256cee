package dev.diopter.bench;

import java.util.Locale;

/** Prints the tokenizer's speed in Markdown: text to ids and back, on one thread. */
public final class TokenizerTable {
  private static final int ROUNDS = 9;

  private TokenizerTable() {}

  /** {@code TokenizerTable MODEL...}. */
  public static void main(String[] args) {
    System.out.println(
        "| tokenizer | words of a text | encoding MB/s | million tokens/s | decoding MB/s | million tokens/s |");
    System.out.println("|---|---|---|---|---|---|");
    for (String model : args) {
      for (int words : new int[] {16, 1024}) {
        print(model, words);
      }
    }
  }

  private static void print(String model, int words) {
    TokenizerSpeed speed = new TokenizerSpeed();
    speed.model = model;
    speed.words = words;
    speed.open();
    try {
      TokenizerSpeed.Counts counts = new TokenizerSpeed.Counts();
      double encode = SideBySide.alone(() -> speed.encode(counts), ROUNDS);
      double decode = SideBySide.alone(() -> speed.decode(counts), ROUNDS);
      TokenizerSpeed.Counts one = new TokenizerSpeed.Counts();
      speed.encode(one);
      System.out.printf(
          Locale.ROOT,
          "| %s | %d | %.1f | %.2f | %.1f | %.2f |%n",
          model,
          words,
          speed.bytes() / encode / 1e6,
          one.tokens / encode / 1e6,
          speed.bytes() / decode / 1e6,
          one.tokens / decode / 1e6);
    } finally {
      speed.close();
    }
  }
}
