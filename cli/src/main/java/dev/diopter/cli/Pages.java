package dev.diopter.cli;

import java.util.List;

/** Parts of pages that several commands print. */
final class Pages {
  private static final int LABEL = 10;

  private Pages() {}

  /** The tokens of a prompt, in as many lines as they need. */
  static void tokens(Screen screen, Tokens tokens, int[] ids) {
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(text.isEmpty() ? "" : " ").append(tokens.shown(id));
    }
    List<String> lines = Tables.wrap(text.toString(), screen.width() - LABEL);
    String label = "  tokens  ";
    for (String line : lines) {
      screen.out().println(label + line);
      label = " ".repeat(LABEL);
    }
  }

  /** The table of next tokens. */
  static void nextTokens(Screen screen, Tokens tokens, NextTokens.Candidate[] candidates) {
    Tables table = new Tables().right("rank").right("id").left("token").right("logit").right("probability");
    int rank = 1;
    for (NextTokens.Candidate candidate : candidates) {
      table.row(
          Integer.toString(rank++),
          Integer.toString(candidate.id()),
          tokens.shown(candidate.id()),
          Numbers.fixed(candidate.logit(), 4),
          Numbers.fixed(candidate.probability(), 6));
    }
    table.print(screen);
  }
}
