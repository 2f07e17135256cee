package dev.diopter.cli;

import dev.diopter.engine.Activation;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a model would predict if it stopped after each block: the residual stream straight through
 * the final norm and the unembedding.
 *
 * @param cells the most probable token, by depth (0 is the embedding, l + 1 is the output of block
 *     l) and position
 */
record LogitLens(NextTokens.Candidate[][] cells) {
  private static final int GAP = 1;
  private static final int PERCENT = 3;
  private static final int MIN_TOKEN = 4;

  /** The hooks that a run must read for this. */
  static String hooks(Model model) {
    return "resid_pre:*,blocks.%d.hook_resid_post".formatted(model.config().layers() - 1);
  }

  /** From a run that read {@link #hooks}. All depths go through the model's head as one batch. */
  static LogitLens of(Model model, Prompt prompt, RunResult run) {
    int layers = model.config().layers();
    List<float[]> residuals = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      residuals.add(run.activation("blocks.%d.hook_resid_pre".formatted(layer)).values());
    }
    Activation last = run.activation("blocks.%d.hook_resid_post".formatted(layers - 1));
    residuals.add(last.values());
    List<Prompt> prompts = Collections.nCopies(layers + 1, prompt);
    List<RunResult> heads =
        model.run(RunRequest.of(prompts).startAt(layers, residuals).logits(Logits.ALL));
    int vocabulary = model.config().vocabulary();
    NextTokens.Candidate[][] cells = new NextTokens.Candidate[layers + 1][prompt.length()];
    for (int depth = 0; depth <= layers; depth++) {
      float[] logits = heads.get(depth).logits();
      for (int position = 0; position < prompt.length(); position++) {
        cells[depth][position] = NextTokens.top(logits, position * vocabulary, vocabulary, 1)[0];
      }
    }
    return new LogitLens(cells);
  }

  /** Prints a line for each position and a column for each depth, as wide as the screen allows. */
  void print(Screen screen, Tokens tokens, int[] ids) {
    Style style = Style.of(screen);
    int label = 0;
    for (int position = 0; position < ids.length; position++) {
      label = Math.max(label, Text.width(Pages.place(tokens, ids, position)));
    }
    label = Math.min(label, 12);
    int room = (screen.width() - 2 - label - 1) / cells.length - GAP;
    int token = Math.clamp(room - PERCENT, MIN_TOKEN, widest(tokens));
    StringBuilder head = new StringBuilder("  " + " ".repeat(label) + " ");
    for (int depth = 0; depth < cells.length; depth++) {
      head.append(Text.padRight(Text.fit(title(depth), token + PERCENT), token + PERCENT))
          .append(" ".repeat(GAP));
    }
    screen.out().println(style.bold(head.toString().stripTrailing()));
    for (int position = 0; position < ids.length; position++) {
      StringBuilder line =
          new StringBuilder(
              "  "
                  + Text.padRight(Text.fit(Pages.place(tokens, ids, position), label), label)
                  + " ");
      for (NextTokens.Candidate[] atDepth : cells) {
        line.append(cell(atDepth[position], tokens, token, style)).append(" ".repeat(GAP));
      }
      screen.out().println(line.toString().stripTrailing());
    }
  }

  private int widest(Tokens tokens) {
    int widest = MIN_TOKEN;
    for (NextTokens.Candidate[] atDepth : cells) {
      for (NextTokens.Candidate candidate : atDepth) {
        widest = Math.max(widest, Text.width(tokens.shown(candidate.id())));
      }
    }
    return widest;
  }

  private static String cell(
      NextTokens.Candidate candidate, Tokens tokens, int token, Style style) {
    String name = Text.padRight(Text.fit(tokens.shown(candidate.id()), token), token);
    String percent = Text.padLeft(Integer.toString(percent(candidate.probability())), PERCENT);
    return style.heat(name + percent, candidate.probability());
  }

  /** What a depth is called. */
  static String title(int depth) {
    return depth == 0 ? "embed" : "block " + (depth - 1);
  }

  /** Rounded down, so that two digits do. */
  static int percent(double probability) {
    return (int) Math.min(99, Math.floor(100 * probability));
  }

  /** Puts depth names and, by depth and position, the most probable token. */
  void put(ObjectNode object, Tokens tokens) {
    ArrayNode depths = object.putArray("lens");
    for (int depth = 0; depth < cells.length; depth++) {
      ObjectNode entry = depths.addObject();
      entry.put("after", title(depth));
      ArrayNode positions = entry.putArray("positions");
      for (NextTokens.Candidate candidate : cells[depth]) {
        NextTokens.put(positions.addObject(), candidate, tokens);
      }
    }
  }
}
