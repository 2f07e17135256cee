package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import java.nio.file.Path;

/** What {@link KilledSweepTest} starts and kills: a sweep into a log, a line for each cell. */
final class KilledSweepMain {
  private KilledSweepMain() {}

  public static void main(String[] arguments) {
    run(Path.of(arguments[0]), true);
    System.out.println("end");
  }

  static void run(Path file, boolean tell) {
    try (Model model = Models.open("demo-llama", "cpu", 1)) {
      Patch patch =
          Patch.of(
              Source.of(model, "The sun and the moon").at(-1),
              Target.of(model, "cat is cat; red is red; Rome is")
                  .at(-1)
                  .newTokens(3)
                  .ignoringEos());
      Sweep sweep = Sweep.of(patch).grid(Layer.all(model.config()), Layer.all(model.config()));
      // One cell at a time, so that a kill hits in the middle.
      Limits limits =
          Limits.DEFAULT.memory(
              Patchscope.of(patch.target(patch.target().layer(Layer.EMBED)))
                  .estimate()
                  .chunkBytes());
      Patchscope scope = Patchscope.of(sweep).limits(limits);
      try (CellLog log = CellLog.open(file, scope)) {
        PatchRun run = scope.start(log.cells());
        while (run.hasNext()) {
          log.add(run.next());
          if (tell) {
            System.out.println("cell");
          }
        }
      }
    }
  }
}
