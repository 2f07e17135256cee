package dev.diopter.engine;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one pass has to do at which point: an array by layer and site whose entries are null where
 * nothing was asked. Immutable.
 */
final class CompiledPlan {
  private static final Site[] SITES = Site.values();

  /**
   * Everything asked of one point.
   *
   * @param last whether nothing behind this point is needed
   */
  record Point(
      HookPoint point,
      List<ResolvedRead> before,
      List<ResolvedEdit> edits,
      List<ResolvedRead> after,
      boolean last) {

    boolean covers(int sequence, int step) {
      return before.stream().anyMatch(r -> r.where().covers(sequence, step))
          || edits.stream().anyMatch(e -> e.where().covers(sequence, step))
          || after.stream().anyMatch(r -> r.where().covers(sequence, step));
    }
  }

  private final @Nullable Point[][] points; // [layer + 1][site]
  private final ResolvedPlan plan;

  private CompiledPlan(ResolvedPlan plan, @Nullable Point[][] points) {
    this.plan = plan;
    this.points = points;
  }

  /**
   * Compiles what acts at one step.
   *
   * @param endless whether the pass goes on to its end whatever the plan reads, because logits,
   *     loss or caches are wanted
   * @throws UsageException if an edit comes behind everything that the pass returns
   */
  static CompiledPlan of(ResolvedPlan plan, int layers, int step, boolean endless) {
    Point[][] points = new Point[layers + 1][SITES.length];
    HookPoint last = endless ? null : lastNeeded(plan);
    List<ResolvedRead> reads =
        plan.reads().stream().filter(r -> r.where().steps().contains(step)).toList();
    List<ResolvedEdit> edits =
        plan.edits().stream().filter(e -> e.where().steps().contains(step)).toList();
    for (ResolvedRead read : reads) {
      add(points, read.point(), last);
    }
    for (ResolvedEdit edit : edits) {
      HookPoint point = edit.point();
      if (!endless && (last == null || order(point) > order(last))) {
        throw new UsageException(
            "edit of %s could not act: the run returns nothing that comes behind it"
                .formatted(point));
      }
      add(points, point, last);
    }
    for (Point[] row : points) {
      for (int s = 0; s < row.length; s++) {
        Point empty = row[s];
        if (empty != null) {
          row[s] = filled(empty, reads, edits);
        }
      }
    }
    return new CompiledPlan(new ResolvedPlan(reads, edits), points);
  }

  private static void add(Point[][] points, HookPoint point, @Nullable HookPoint last) {
    points[point.layer() + 1][index(point.site())] =
        new Point(point, List.of(), List.of(), List.of(), point.equals(last));
  }

  private static Point filled(Point p, List<ResolvedRead> reads, List<ResolvedEdit> edits) {
    List<ResolvedRead> before = new ArrayList<>();
    List<ResolvedRead> after = new ArrayList<>();
    for (ResolvedRead read : reads) {
      if (read.point().equals(p.point)) {
        (read.when() == Read.When.BEFORE ? before : after).add(read);
      }
    }
    List<ResolvedEdit> own = edits.stream().filter(e -> e.point().equals(p.point)).toList();
    return new Point(p.point, List.copyOf(before), own, List.copyOf(after), p.last);
  }

  /** The last point that is read, or at which a function looks on. */
  private static @Nullable HookPoint lastNeeded(ResolvedPlan plan) {
    HookPoint last = null;
    for (ResolvedRead read : plan.reads()) {
      last = later(last, read.point());
    }
    for (ResolvedEdit edit : plan.edits()) {
      if (edit.operation() instanceof Operation.Function) {
        last = later(last, edit.point());
      }
    }
    return last;
  }

  private static HookPoint later(@Nullable HookPoint a, HookPoint b) {
    return a == null || order(b) > order(a) ? b : a;
  }

  // Declaration order is the order of a pass, and an array by site makes an unasked point cost one
  // null check.
  @SuppressWarnings("EnumOrdinal")
  private static int index(Site site) {
    return site.ordinal();
  }

  /** Rank of a point in the order in which a pass reaches them. */
  static int order(HookPoint point) {
    int site = index(point.site());
    if (point.site().inBlock()) {
      return (point.layer() + 1) * SITES.length + site;
    }
    return site < index(Site.RESID_PRE) ? site : (1 << 30) + site;
  }

  /** What is asked of a point, or null. */
  @Nullable Point at(Site site, int layer) {
    return points[layer + 1][index(site)];
  }

  /** Whether anything is asked of a point. */
  boolean asks(Site site, int layer) {
    return at(site, layer) != null;
  }

  /** Whether a point is edited. */
  boolean edits(Site site, int layer) {
    Point point = at(site, layer);
    return point != null && !point.edits().isEmpty();
  }

  /** Whether a point of one sequence is edited. */
  boolean edits(Site site, int layer, int sequence) {
    Point point = at(site, layer);
    return point != null
        && point.edits().stream().anyMatch(e -> e.where().coversSequence(sequence));
  }

  /** Whether anything is asked of a block behind its queries, keys and values. */
  boolean asksBehindKeys(int layer) {
    for (int s = index(Site.ATTN_SCORES); s <= index(Site.RESID_POST); s++) {
      if (points[layer + 1][s] != null) {
        return true;
      }
    }
    return false;
  }

  /** Whether anything is asked of the points behind the blocks. */
  boolean asksAfterBlocks() {
    for (int s = index(Site.LN_FINAL_SCALE); s < SITES.length; s++) {
      if (points[0][s] != null) {
        return true;
      }
    }
    return false;
  }

  ResolvedPlan plan() {
    return plan;
  }

  boolean isEmpty() {
    return plan.reads().isEmpty() && plan.edits().isEmpty();
  }
}
