package dev.diopter.cli;

import dev.diopter.engine.Activation;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunResult;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.Unembedding;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The logit lens of the demo: each layer's best token.
 *
 * @param cells the most probable token, by depth (0 is the embedding, l + 1 is the output of block
 *     l) and position
 */
record DemoLens(NextTokens.Candidate[][] cells) {
  /** Cells of a number of percent, with a gap in front. */
  static final int PERCENT = 3;

  /** The hooks that a run must read for this. */
  static String hooks(Model model) {
    return LensSite.RESID_PRE.hooks() + "," + end(model);
  }

  private static String end(Model model) {
    return LensSite.RESID_POST.hook(model.config().layers() - 1);
  }

  /** From a run that read {@link #hooks}. */
  static DemoLens of(Model model, Prompt prompt, RunResult run) {
    int layers = model.config().layers();
    Unembedding unembedding = new Unembedding(model);
    int vocabulary = unembedding.vocabulary();
    NextTokens.Candidate[][] cells = new NextTokens.Candidate[layers + 1][prompt.length()];
    for (int depth = 0; depth <= layers; depth++) {
      Activation stream =
          run.activation(depth < layers ? LensSite.RESID_PRE.hook(depth) : end(model));
      NextTokens.Candidate[] row = cells[depth];
      unembedding.forEach(
          stream.values(),
          (first, count, logits) -> {
            for (int i = 0; i < count; i++) {
              row[first + i] = NextTokens.top(logits, i * vocabulary, vocabulary, 1)[0];
            }
          });
    }
    return new DemoLens(cells);
  }

  /** Prints a line for each position and a column for each depth. */
  void print(Screen screen, Tokens tokens, int[] ids) {
    String[] titles = new String[cells.length];
    for (int depth = 0; depth < cells.length; depth++) {
      titles[depth] = title(depth);
    }
    LensTable.of(screen, tokens, ids, PERCENT)
        .print(
            titles,
            (depth, position) -> {
              NextTokens.Candidate candidate = cells[depth][position];
              // Rounded down, so that two digits do.
              int whole = percent(candidate.probability());
              return new LensTable.Cell(
                  tokens.shown(candidate.id()), Integer.toString(whole), candidate.probability());
            });
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
