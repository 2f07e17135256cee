package dev.diopter.engine;

import dev.diopter.models.ModelException;

/**
 * NaN and infinity are written only where the edit may: where it may not, every value that was in
 * order stays so. Minus infinity is in order for scores that are there already, and for knockouts,
 * which write it by definition.
 */
final class FiniteRule {
  private final ResolvedEdit edit;
  private final boolean off;
  private final boolean scores;

  FiniteRule(ResolvedEdit edit) {
    this.edit = edit;
    this.off = edit.allowNonFinite() || edit.operation() instanceof Operation.Knockout;
    this.scores = edit.point().site() == Site.ATTN_SCORES;
  }

  /** Compares a row, from {@code at}, with what shall take its place. */
  void check(float[] old, int at, float[] now, int n, int position, int head) {
    check(old, at, now, 0, n, position, head);
  }

  void check(float[] old, int at, float[] now, int from, int n, int position, int head) {
    if (off) {
      return;
    }
    for (int i = 0; i < n; i++) {
      float y = now[from + i];
      if (!(Math.abs(y) <= Float.MAX_VALUE) && broken(old[at + i], y)) {
        throw broken(position, head, old[at + i], y);
      }
    }
  }

  /** Whether anything is checked. */
  boolean isOn() {
    return !off;
  }

  /** What to throw where a value is forbidden. */
  ModelException broken(int position, int head, float was, float wrote) {
    return new ModelException(
        "%s, position %d%s: the edit (%s) wrote %s where %s was; allow it with allowNonFinite (allow_non_finite in plan files)"
            .formatted(
                edit.point(),
                position,
                edit.point().site().headAxis() == null ? "" : ", head " + head,
                edit.operation().name(),
                wrote,
                was));
  }

  private boolean broken(float old, float now) {
    boolean masked = scores && old == Float.NEGATIVE_INFINITY;
    return masked ? now != Float.NEGATIVE_INFINITY : Float.isFinite(old);
  }
}
