package dev.diopter.bench;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.Selection;
import dev.diopter.lens.patchscope.Cell;
import dev.diopter.lens.patchscope.Layer;
import dev.diopter.lens.patchscope.Patch;
import dev.diopter.lens.patchscope.PatchRun;
import dev.diopter.lens.patchscope.Patchscope;
import dev.diopter.lens.patchscope.Source;
import dev.diopter.lens.patchscope.Sweep;
import dev.diopter.lens.patchscope.Target;
import java.util.Arrays;
import java.util.List;

/**
 * A patchscope's grid of all layers against one whole run of source and target for each cell in the
 * same engine: {@code PatchGrid MODEL [THREADS [ALONE]]}. Of the runs for each cell, ALONE (40) are
 * timed, spread over the grid, and multiplied; their logits must have the grid's bits.
 */
public final class PatchGrid {
  private static final int ROUNDS = 3;

  private PatchGrid() {}

  /** Prints the times of both, and their ratio, of each round. */
  public static void main(String[] args) {
    int threads = args.length > 1 ? Integer.parseInt(args[1]) : 0;
    int alone = args.length > 2 ? Integer.parseInt(args[2]) : 40;
    try (Model model = Model.open(args[0], new ModelOptions("cpu", threads))) {
      int layers = model.config().layers();
      Prompt source = prompt(model, 20, 7);
      Prompt target = prompt(model, 25, 11);
      Patch patch =
          Patch.of(Source.of(model, source).at(-1), Target.of(model, target).at(-1).newTokens(1));
      List<Layer> all = Layer.blocks(model.config());
      Patchscope scope = Patchscope.of(Sweep.of(patch).grid(all, all));
      System.out.println(model.name() + " on " + model.backend() + ": " + scope.estimate());
      for (int round = 0; round < ROUNDS; round++) {
        long start = System.nanoTime();
        PatchRun run = scope.start();
        float[][] logits = new float[layers * layers][];
        while (run.hasNext()) {
          Cell cell = run.next();
          logits[cell.index()] = cell.logits();
        }
        double together = (System.nanoTime() - start) / 1e9;
        start = System.nanoTime();
        for (int i = 0; i < alone; i++) {
          int cell = (int) ((long) i * logits.length / alone);
          if (!Arrays.equals(single(model, source, target, cell, layers), logits[cell])) {
            throw new IllegalStateException("cell " + cell + " has other bits alone");
          }
        }
        double each = (System.nanoTime() - start) / 1e9 / alone;
        System.out.println(
            "grid of %d cells %.3f s; one cell alone %.4f s, all of them %.1f s; ratio %.1f"
                .formatted(
                    logits.length,
                    together,
                    each,
                    each * logits.length,
                    each * logits.length / together));
      }
    }
  }

  private static float[] single(Model model, Prompt source, Prompt target, int cell, int layers) {
    String from = "blocks.%d.hook_resid_post".formatted(cell / layers);
    String to = "blocks.%d.hook_resid_post".formatted(cell % layers);
    RunRequest read =
        RunRequest.of(source)
            .plan(
                HookPlan.builder()
                    .read(from, Selection.ALL.positions(source.length() - 1))
                    .build());
    float[] vector = model.run(read).getFirst().activation(from).values();
    HookPlan write =
        HookPlan.builder()
            .replace(to, Selection.ALL.positions(target.length() - 1), vector)
            .build();
    return model.run(target, write).lastLogits();
  }

  private static Prompt prompt(Model model, int length, int stride) {
    int[] ids = new int[length];
    Arrays.setAll(ids, i -> (100 + i * stride * 13) % model.config().vocabulary());
    return Prompt.ofIds(ids);
  }
}
