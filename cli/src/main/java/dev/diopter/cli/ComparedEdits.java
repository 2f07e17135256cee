package dev.diopter.cli;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Operation;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import java.util.ArrayList;
import java.util.List;

/** One plan for each way in which a device edits: each operation, on rows, heads and cells. */
final class ComparedEdits {
  private static final String RESIDUAL = "blocks.0.hook_resid_mid";
  private static final String MLP = "blocks.1.hook_mlp_out";
  private static final String HEADS = "blocks.0.attn.hook_z";
  private static final String SCORES = "blocks.0.attn.hook_attn_scores";
  private static final String PATTERN = "blocks.1.attn.hook_pattern";

  /** Rows of a residual stream, a head, and cells. */
  private static final Selection ROWS = Selection.ALL.positions(1, -1);

  private static final Selection HEAD = Selection.ALL.heads(1);
  private static final Selection CELLS = Selection.ALL.positions(3, 5).keys(0, 2);

  /** A plan under its name, which also reads what it edits. */
  record Named(String name, HookPlan plan) {}

  private final List<Named> all = new ArrayList<>();

  private ComparedEdits() {}

  /**
   * @param source makes the values
   * @param prompt another prompt than that which will be edited, of the same length
   */
  static List<Named> of(Model source, Prompt prompt) {
    HookPlan reads =
        HookPlan.builder().read(RESIDUAL, ROWS).read(HEADS, HEAD).read(MLP, Selection.ALL).build();
    RunResult other = source.run(RunRequest.of(prompt).logits(Logits.NONE).plan(reads)).getFirst();
    ComparedEdits edits = new ComparedEdits();
    edits.ofRows(other, vector(source.config().width()));
    edits.ofAttention();
    return edits.all;
  }

  private static float[] vector(int width) {
    float[] vector = new float[width];
    for (int i = 0; i < width; i++) {
      vector[i] = 0.5f - (i % 5) / 8f;
    }
    return vector;
  }

  private void ofRows(RunResult other, float[] vector) {
    Operation.Value rows = Operation.Value.of(other.activation(RESIDUAL));
    add("replace", RESIDUAL, HookPlan.builder().replace(RESIDUAL, ROWS, rows));
    add("replace by a vector", MLP, HookPlan.builder().replaceRows(MLP, Selection.ALL, vector));
    add("add a vector", RESIDUAL, HookPlan.builder().add(RESIDUAL, ROWS, vector));
    add("add, unchecked", RESIDUAL, HookPlan.builder().add(RESIDUAL, ROWS, rows).allowNonFinite());
    add("scale", MLP, HookPlan.builder().scale(MLP, -1.5f));
    add("zero", HEADS, HookPlan.builder().zero(HEADS, HEAD));
    add("mean", MLP, HookPlan.builder().mean(MLP, ROWS, other.activation(MLP)));
    add("interpolate", RESIDUAL, HookPlan.builder().interpolate(RESIDUAL, ROWS, rows, 0.25f));
    add("project_out", MLP, HookPlan.builder().projectOut(MLP, Selection.ALL, vector));
    add(
        "add to a head",
        HEADS,
        HookPlan.builder().add(HEADS, HEAD, Operation.Value.of(other.activation(HEADS))));
    add("noise", MLP, HookPlan.builder().noise(MLP, Selection.ALL, 0.5f, 7));
    add(
        "function",
        RESIDUAL,
        HookPlan.builder()
            .function(RESIDUAL, ROWS, view -> java.util.Arrays.fill(view.values(), 0.75f)));
  }

  private void ofAttention() {
    add("scale scores", SCORES, HookPlan.builder().scale(SCORES, HEAD, 1.5f));
    add("scale pattern", PATTERN, HookPlan.builder().scale(PATTERN, HEAD, 0.5f));
    add("knockout of scores", SCORES, HookPlan.builder().knockout(SCORES, CELLS));
    add("knockout of pattern", PATTERN, HookPlan.builder().knockout(PATTERN, CELLS.heads(1)));
    add("zero cells", SCORES, HookPlan.builder().zero(SCORES, CELLS));
    add("replace cells", PATTERN, HookPlan.builder().replaceRows(PATTERN, CELLS, 0.25f, 0.75f));
    add("add to cells", SCORES, HookPlan.builder().add(SCORES, CELLS, 0.5f, -0.5f));
  }

  private void add(String name, String hook, HookPlan.Builder edit) {
    all.add(new Named(name, edit.read(hook).build()));
  }
}
