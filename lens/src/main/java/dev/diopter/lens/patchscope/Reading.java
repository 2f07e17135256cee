package dev.diopter.lens.patchscope;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Numbers of one row of logits. Natural logarithms. The source is what its own model says behind
 * the last position of the patch's {@link Patch#measure}; its numbers are null where the two models
 * do not have one vocabulary.
 *
 * @param position absolute position in the target that was read
 * @param best the most probable token, the one with the lowest id among equals
 * @param top the most probable tokens in order, as many as were asked for
 * @param tokens the tokens that were asked for
 * @param entropy of the distribution
 * @param sourceTop the source's most probable token
 * @param precisionAt1 1 where it is the most probable one here, too
 * @param precisionAtK 1 where it is among the first k here
 * @param surprisalOfSourceTop minus the log-probability here of the source's most probable token
 *     (obvs's surprisal), at most 27.63
 * @param surprisalOfPatchedTop minus the source's log-probability of the most probable token here
 *     (the paper's surprisal), at most 27.63
 * @param klFromSource KL(source || here)
 * @param klFromUnpatched KL(the same position without a patch || here)
 */
public record Reading(
    int position,
    Candidate best,
    List<Candidate> top,
    List<Candidate> tokens,
    double entropy,
    @Nullable Integer sourceTop,
    @Nullable Integer precisionAt1,
    @Nullable Integer precisionAtK,
    @Nullable Double surprisalOfSourceTop,
    @Nullable Double surprisalOfPatchedTop,
    @Nullable Double klFromSource,
    double klFromUnpatched) {

  /**
   * One token.
   *
   * @param rank 0 for the most probable
   */
  public record Candidate(
      int id, int rank, float logit, double probability, double logProbability) {}

  /**
   * Reads.
   *
   * @param source what the source says; null where its ids are not those of this vocabulary
   */
  static Reading of(
      int position,
      Distribution here,
      @Nullable Distribution source,
      Distribution unpatched,
      Readout readout) {
    List<Candidate> top = new ArrayList<>();
    for (int id : here.top(readout.top())) {
      top.add(candidate(here, id, top.size()));
    }
    List<Candidate> tokens =
        readout.tokens().stream().map(id -> candidate(here, id, here.rank(id))).toList();
    int truth = source == null ? 0 : source.best();
    int rank = source == null ? 0 : here.rank(truth);
    return new Reading(
        position,
        candidate(here, here.best(), 0),
        List.copyOf(top),
        tokens,
        here.entropy(),
        source == null ? null : truth,
        source == null ? null : rank == 0 ? 1 : 0,
        source == null ? null : rank < readout.precisionAt() ? 1 : 0,
        source == null ? null : here.surprisal(truth),
        source == null ? null : source.surprisal(here.best()),
        source == null ? null : source.divergence(here),
        unpatched.divergence(here));
  }

  private static Candidate candidate(Distribution here, int id, int rank) {
    return new Candidate(id, rank, here.logit(id), here.probability(id), here.logProbability(id));
  }
}
