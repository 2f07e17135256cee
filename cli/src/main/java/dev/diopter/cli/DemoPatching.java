package dev.diopter.cli;

import dev.diopter.engine.LogProbabilities;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.PromptOptions;
import dev.diopter.lens.patching.ActivationPatching;
import dev.diopter.lens.patching.PatchMetric;
import dev.diopter.lens.patching.PatchRequest;
import dev.diopter.lens.patching.PatchResult;
import dev.diopter.lens.patching.PatchSite;
import dev.diopter.lens.patching.Sweep;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The activation patching of the demo: which streams of the prompt bring its answer back when they
 * are put, one at a time, into a run over a prompt with another answer.
 *
 * @param cleanIds the prompt
 * @param corruptIds the other one
 * @param wrong what the other one says
 * @param sweep share of the answer that comes back, by layer and position
 */
record DemoPatching(int[] cleanIds, int[] corruptIds, int wrong, Sweep sweep) {
  /** The prompt with another answer. */
  static final String CORRUPT = "When Mary and John went to the store, Mary gave a book to";

  /** What the numbers are, for people. */
  static final String EXPLANATION =
      "in “%s…” one vector of the residual stream is replaced by the one from above, before"
              .formatted(CORRUPT)
          + " each block and at each position: how much of the answer comes back, 1.00 for all of it";

  /**
   * Patches.
   *
   * @param answer what comes next behind the clean prompt
   */
  static DemoPatching of(Model model, Prompt clean, int answer) {
    Prompt corrupt = model.prompt(CORRUPT, PromptOptions.BOS);
    int wrong = LogProbabilities.top(model.run(corrupt).lastLogits(), 1)[0];
    PatchResult result =
        ActivationPatching.run(
            model,
            PatchRequest.of(
                clean,
                corrupt,
                PatchMetric.normalizedLogitDifference(answer, wrong),
                PatchSite.parse("resid_pre").getFirst()));
    return new DemoPatching(clean.ids(), corrupt.ids(), wrong, result.sweeps().getFirst());
  }

  int layers() {
    return sweep.shape()[0];
  }

  /** The first position at which the prompts differ: nothing changes in front of it. */
  int first() {
    int position = 0;
    while (cleanIds[position] == corruptIds[position]) {
      position++;
    }
    return position;
  }

  /** A position with its token, or both. */
  String place(Tokens tokens, int position) {
    String place = Pages.place(tokens, cleanIds, position);
    return cleanIds[position] == corruptIds[position]
        ? place
        : place + " / " + tokens.shown(corruptIds[position]);
  }

  /** A cell for people. */
  static String text(double value) {
    String text = Numbers.fixed(value, 2);
    return text.equals("-0.00") ? "0.00" : text;
  }

  /** Prints a line for each position from the first that differs. */
  void print(Screen screen, Tokens tokens) {
    Style style = Style.of(screen);
    Tables table = new Tables().left("position");
    for (int layer = 0; layer < layers(); layer++) {
      table.right("block " + layer);
    }
    for (int position = first(); position < cleanIds.length; position++) {
      String[] cells = new String[layers() + 1];
      cells[0] = place(tokens, position);
      for (int layer = 0; layer < layers(); layer++) {
        double value = sweep.at(layer, position);
        cells[layer + 1] = style.heat(" " + text(value), Math.clamp(value, 0, 1));
      }
      table.row(cells);
    }
    table.print(screen);
  }

  void put(ObjectNode object, Tokens tokens) {
    ObjectNode patching = object.putObject("patching");
    patching.put("corrupt_prompt", CORRUPT);
    patching.set("corrupt_ids", Tokens.ids(corruptIds));
    tokens.putToken(patching.putObject("wrong"), wrong);
    ArrayNode layers = patching.putArray("resid_pre");
    for (int layer = 0; layer < layers(); layer++) {
      ArrayNode positions = layers.addArray();
      for (int position = 0; position < cleanIds.length; position++) {
        positions.add(sweep.at(layer, position));
      }
    }
  }
}
