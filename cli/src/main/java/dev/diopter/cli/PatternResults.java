package dev.diopter.cli;

import dev.diopter.lens.patterns.RunSummary;
import dev.diopter.models.ModelException;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What the commands about patterns say at their end. */
final class PatternResults {
  private static final int MOST_SHOWN = 20;

  private PatternResults() {}

  /** Puts counts and failures into an object. */
  static void put(ObjectNode object, RunSummary summary) {
    object.put("done", summary.done());
    object.put("skipped", summary.skipped());
    object.put("failed", summary.failed());
    ArrayNode failures = object.putArray("failures");
    for (RunSummary.Failure failure : summary.failures()) {
      failures.addObject().put("what", failure.what()).put("reason", failure.reason());
    }
  }

  /**
   * Ends the command: where something failed, with a line for each of the first failures.
   *
   * @throws ModelException where something failed
   */
  static void end(String what, RunSummary summary, Screen screen) {
    if (summary.isClean()) {
      return;
    }
    screen.out().flush();
    int shown = 0;
    for (RunSummary.Failure failure : summary.failures()) {
      if (shown++ == MOST_SHOWN) {
        break;
      }
      screen.err().println(Text.harmless(failure.what() + ": " + failure.reason()));
    }
    long all = summary.done() + summary.skipped() + summary.failed();
    throw new ModelException(
        "%s of %s %s failed, the rest is done; run again to try those alone"
            .formatted(Numbers.grouped(summary.failed()), Numbers.grouped(all), what));
  }
}
