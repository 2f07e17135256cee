package dev.diopter.cli;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.PlanFile;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A hook plan from a file. */
final class PlanOption {
  @Option(
      names = "--edit",
      paramLabel = "PLAN.json",
      description = "Change values on the way as this hook plan says.")
  private @Nullable Path file;

  /** The plan, empty where none was given; before a model is loaded. */
  HookPlan read() {
    return file == null ? HookPlan.NONE : PlanFile.read(file);
  }

  /** The plan for a command that shows no activations. */
  HookPlan readEdits(OutputOptions output) {
    HookPlan plan = read();
    if (!plan.reads().isEmpty()) {
      output.note(
          "note: the reads of %s are left out here; diopter cache writes them to a file"
              .formatted(file));
    }
    return new HookPlan(java.util.List.of(), plan.edits());
  }
}
