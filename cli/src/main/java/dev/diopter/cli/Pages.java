package dev.diopter.cli;

import dev.diopter.engine.Model;
import java.util.List;

/** Parts of pages that several commands print. */
final class Pages {
  private static final int LABEL = 10;
  private static final int FACT = 16;

  private Pages() {}

  /** What a page is about, and what computed it. */
  static void title(Screen screen, String title, Model model) {
    Style style = Style.of(screen);
    String how = " on " + model.backend() + ProcessOption.said(model);
    screen.out().println(style.title(title) + style.faint(how));
  }

  /** The tokens of a prompt, in as many lines as they need. */
  static void tokens(Screen screen, Tokens tokens, int[] ids) {
    StringBuilder text = new StringBuilder();
    for (int position = 0; position < ids.length; position++) {
      text.append(text.isEmpty() ? "" : " ").append(tokens.shown(ids, position));
    }
    List<String> lines = Tables.wrap(text.toString(), screen.width() - LABEL);
    String label = "  tokens  ";
    for (String line : lines) {
      screen.out().println(label + line);
      label = " ".repeat(LABEL);
    }
  }

  /** A label and what is said under it, in as many lines as it needs. */
  static void fact(Screen screen, String label, String value) {
    String lead = "  " + Text.padRight(label, FACT);
    for (String line : Tables.wrap(value, screen.width() - lead.length())) {
      screen.out().println(lead + line);
      lead = " ".repeat(lead.length());
    }
  }

  /** A position with its token, in a column of them. */
  static String place(Tokens tokens, int[] ids, int position) {
    String number =
        Text.padLeft(Integer.toString(position), Integer.toString(ids.length - 1).length());
    return number + " " + tokens.shown(ids, position);
  }

  /** The table of next tokens. */
  static void nextTokens(Screen screen, Tokens tokens, NextTokens.Candidate[] candidates) {
    Tables table =
        new Tables().right("rank").right("id").left("token").right("logit").right("probability");
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
