package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.lens.trajectory.LensStatistic;
import dev.diopter.lens.trajectory.Trajectories;
import dev.diopter.lens.trajectory.Trajectory;
import dev.diopter.lens.trajectory.TrajectoryOptions;
import dev.diopter.lens.trajectory.TrajectorySource;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensFiles;
import dev.diopter.lens.tuned.LogitLens;
import java.util.Arrays;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The tuned lens of the demo beside the logit lens.
 *
 * @param tuned what the tuned lens says at each layer, the model's own output behind them
 * @param logitKl KL from the model's prediction to the logit lens's, in nats, mean over positions,
 *     by layer
 * @param tunedKl the same of the tuned lens
 */
record DemoTuned(Trajectory tuned, double[] logitKl, double[] tunedKl) {
  /** What the numbers are, for people. */
  static final String EXPLANATION =
      "KL divergence from the model's prediction to that of the stream there, in nats, mean over"
          + " positions; a tuned lens, trained for it, first translates each layer into the last one's terms";

  static DemoTuned of(Model model, Prompt prompt) {
    Trajectory logit = trajectory(model, LogitLens.of(model.config()), prompt);
    Trajectory tuned = trajectory(model, LensFiles.bundled(model.name()).lens(), prompt);
    return new DemoTuned(tuned, means(logit), means(tuned));
  }

  private static Trajectory trajectory(Model model, Lens lens, Prompt prompt) {
    return Trajectories.of(
        TrajectorySource.of(model, lens, prompt).options(TrajectoryOptions.DEFAULT.topK(1)));
  }

  /** The last row is the model's own, and 0. */
  private static double[] means(Trajectory trajectory) {
    return Arrays.stream(trajectory.values(LensStatistic.FORWARD_KL))
        .limit(trajectory.layers())
        .mapToDouble(row -> Arrays.stream(row).average().orElse(Double.NaN))
        .toArray();
  }

  /** How many depths there are, the model's own output among them. */
  int depths() {
    return tuned.layers() + 1;
  }

  /** The best token of the tuned lens at a depth. */
  int best(int depth, int position) {
    return tuned.top().ids()[depth][position][0];
  }

  /** Its probability. */
  double probability(int depth, int position) {
    return tuned.top().values()[depth][position][0];
  }

  /** Prints a line for each lens. */
  void print(Screen screen) {
    Tables table = new Tables().left("lens");
    for (int depth = 0; depth < logitKl.length; depth++) {
      table.right(DemoLens.title(depth));
    }
    row(table, "logit lens", logitKl);
    row(table, "tuned lens", tunedKl);
    table.print(screen);
  }

  private static void row(Tables table, String name, double[] values) {
    String[] cells = new String[values.length + 1];
    cells[0] = name;
    for (int i = 0; i < values.length; i++) {
      cells[i + 1] = Numbers.fixed(values[i], 2);
    }
    table.row(cells);
  }

  /** Puts the tokens of the tuned lens, and the numbers of both. */
  void put(ObjectNode object, Tokens tokens) {
    ArrayNode depths = object.putArray("tuned_lens");
    for (int depth = 0; depth < depths(); depth++) {
      ObjectNode entry = depths.addObject();
      entry.put("after", DemoLens.title(depth));
      ArrayNode positions = entry.putArray("positions");
      for (int position = 0; position < tuned.positions(); position++) {
        ObjectNode cell = positions.addObject();
        tokens.putToken(cell, best(depth, position));
        cell.put("probability", probability(depth, position));
      }
    }
    ObjectNode kl = object.putObject("lens_kl");
    put(kl.putArray("logit"), logitKl);
    put(kl.putArray("tuned"), tunedKl);
  }

  private static void put(ArrayNode array, double[] values) {
    for (double value : values) {
      array.add(value);
    }
  }
}
