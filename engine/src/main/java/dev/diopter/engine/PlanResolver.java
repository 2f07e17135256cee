package dev.diopter.engine;

import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Meets a plan with a model and the prompts of a pass: patterns become single points, negative
 * numbers absolute ones, and everything that could not act as asked is an error.
 */
final class PlanResolver {
  private static final Set<Site> SPLIT =
      EnumSet.of(Site.ATTN_IN, Site.Q_INPUT, Site.K_INPUT, Site.V_INPUT);
  private static final Set<Site> NORM = EnumSet.of(Site.LN1_SCALE, Site.LN1_NORMALIZED);

  private PlanResolver() {}

  /**
   * Resolves.
   *
   * @param spans what is computed of each sequence of the batch
   * @throws UsageException if any part of the plan cannot be done as asked
   */
  static ResolvedPlan resolve(HookPlan plan, DecoderConfig config, PromptSpan... spans) {
    List<ResolvedRead> reads = new ArrayList<>();
    for (int i = 0; i < plan.reads().size(); i++) {
      Read read = plan.reads().get(i);
      for (HookPoint point : points("reads", i, read.hook(), config)) {
        String place = place("reads", i, point);
        ResolvedSelection where =
            SelectionResolver.resolve(point, read.where(), config, spans, place);
        add(reads, new ResolvedRead(point, where, read.when()), plan, i, place);
      }
    }
    List<ResolvedEdit> edits = new ArrayList<>();
    for (int i = 0; i < plan.edits().size(); i++) {
      Edit edit = plan.edits().get(i);
      for (HookPoint point : points("edits", i, edit.hook(), config)) {
        String place = place("edits", i, point);
        ResolvedSelection where =
            SelectionResolver.resolve(point, edit.where(), config, spans, place);
        edits.add(
            ValueFitter.fit(
                point, where, edit.operation(), edit.allowNonFinite(), config, spans, place));
      }
    }
    refuseSplitWithNorm(edits);
    return new ResolvedPlan(List.copyOf(reads), List.copyOf(edits));
  }

  private static List<HookPoint> points(String list, int index, String hook, DecoderConfig config) {
    try {
      return HookNames.resolveAll(hook, config);
    } catch (UsageException e) {
      throw new UsageException("%s[%d]: %s".formatted(list, index, e.getMessage()));
    }
  }

  private static String place(String list, int index, HookPoint point) {
    return "%s[%d] %s".formatted(list, index, point);
  }

  /**
   * Results hold one value for each point: the same read again is the same value, another part of
   * it is an error.
   */
  private static void add(
      List<ResolvedRead> reads, ResolvedRead read, HookPlan plan, int index, String place) {
    for (ResolvedRead other : reads) {
      if (other.point().equals(read.point())
          && other.when() == read.when()
          && meet(other.where(), read.where())) {
        if (same(other.where(), read.where())) {
          return;
        }
        throw new UsageException(
            "%s: is read already, of another selection (%s here); read one selection that holds both"
                .formatted(place, plan.reads().get(index).where()));
      }
    }
    reads.add(read);
  }

  /** Whether two selections act in the same pass of the same sequence. */
  private static boolean meet(ResolvedSelection a, ResolvedSelection b) {
    return stepsMeet(a.steps(), b.steps()) && sequencesMeet(a.sequences(), b.sequences());
  }

  private static boolean stepsMeet(Steps a, Steps b) {
    return a.isAll() || b.isAll() || Arrays.stream(a.toArray()).anyMatch(b::contains);
  }

  private static boolean sequencesMeet(boolean @Nullable [] a, boolean @Nullable [] b) {
    return a == null || b == null || IntStream.range(0, a.length).anyMatch(s -> a[s] && b[s]);
  }

  private static boolean same(ResolvedSelection a, ResolvedSelection b) {
    return Arrays.deepEquals(a.positions(), b.positions())
        && Arrays.equals(a.heads(), b.heads())
        && Arrays.deepEquals(a.keys(), b.keys())
        && Arrays.equals(a.sequences(), b.sequences())
        && a.steps().equals(b.steps());
  }

  /**
   * A head with an edited input is normed on its own: an edit of the shared norm would reach some
   * heads and not others. In different sequences, or at different steps, they do not meet.
   */
  private static void refuseSplitWithNorm(List<ResolvedEdit> edits) {
    for (ResolvedEdit split : edits) {
      for (ResolvedEdit norm : edits) {
        if (SPLIT.contains(split.point().site())
            && NORM.contains(norm.point().site())
            && split.point().layer() == norm.point().layer()
            && meet(split.where(), norm.where())) {
          throw new UsageException(
              "edits of %s and %s of one sequence: a head with an edited input is normed on its own, so ln1 of that layer would not reach it; expected one of the two"
                  .formatted(split.point(), norm.point()));
        }
      }
    }
  }
}
