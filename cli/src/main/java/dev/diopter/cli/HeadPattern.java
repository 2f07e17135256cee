package dev.diopter.cli;

import dev.diopter.engine.Activation;
import dev.diopter.engine.RunResult;
import dev.diopter.lens.attention.HeadId;
import dev.diopter.lens.pictures.Matrix;

/**
 * The whole pattern of a head: how much each position takes from each earlier one.
 *
 * @param head which head
 * @param weights rows queries, columns keys
 */
record HeadPattern(HeadId head, Matrix weights) {
  private static final int CELL = 2;

  /** From nothing to all; they read without colours. */
  private static final String[] SHADES = {"\u00b7", "\u2591", "\u2592", "\u2593", "\u2588"};

  /** From a run that read the patterns. */
  static HeadPattern of(RunResult run, HeadId head) {
    Activation all = run.activation("blocks.%d.attn.hook_pattern".formatted(head.layer()));
    int length = all.shape()[1];
    float[] weights = new float[length * length];
    for (int query = 0; query < length; query++) {
      for (int key = 0; key < length; key++) {
        weights[query * length + key] = all.get(head.head(), query, key);
      }
    }
    return new HeadPattern(head, new Matrix(length, length, weights));
  }

  /** Its name in tables. */
  String name() {
    return "%d.%d".formatted(head.layer(), head.head());
  }

  /** Prints a line for each query; a prompt of ten to twenty tokens fits any screen. */
  void print(Screen screen, Tokens tokens, int[] ids) {
    Style style = Style.of(screen);
    int label = 0;
    for (int i = 0; i < ids.length; i++) {
      label = Math.max(label, Text.width(Pages.place(tokens, ids, i)));
    }
    StringBuilder keys = new StringBuilder("  " + " ".repeat(label + 1));
    for (int key = 0; key < weights.columns(); key++) {
      keys.append(Text.padLeft(Integer.toString(key), CELL)).append(' ');
    }
    screen.out().println(style.faint(keys.toString().stripTrailing()));
    for (int query = 0; query < weights.rows(); query++) {
      StringBuilder line =
          new StringBuilder("  " + Text.padRight(Pages.place(tokens, ids, query), label) + " ");
      for (int key = 0; key <= query; key++) {
        float weight = weights.at(query, key);
        int shade = Math.clamp((int) Math.ceil(weight * 4 - 0.2), 0, SHADES.length - 1);
        line.append(style.bar(SHADES[shade].repeat(CELL))).append(' ');
      }
      screen.out().println(line.toString().stripTrailing());
    }
  }
}
