package dev.diopter.lens.attention;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * What kind of head it is, in numbers.
 *
 * @param head which head
 * @param entropy mean over queries of {@code -sum of p ln p}, in nats
 * @param sinkShare mean over queries of the attention on sinks
 * @param meanDistance mean over queries of {@code sum of p[q,k] (q-k)}
 * @param previousToken on the repeated sequence: mean of {@code p[q,q-1]}
 * @param duplicateToken mean of {@code p[q,q-period]}: the same token, earlier
 * @param induction mean of {@code p[q,q-period+1]}: what followed the same token
 * @param copying copying score of the OV circuit, see {@link OvCircuit}; NaN where it was not asked
 *     for
 */
public record HeadScores(
    HeadId head,
    double entropy,
    double sinkShare,
    double meanDistance,
    double previousToken,
    double duplicateToken,
    double induction,
    double copying) {

  /** A column of the table. */
  public enum Column {
    ENTROPY(HeadScores::entropy, "entropy"),
    SINK_SHARE(HeadScores::sinkShare, "sink"),
    MEAN_DISTANCE(HeadScores::meanDistance, "distance"),
    PREVIOUS_TOKEN(HeadScores::previousToken, "previous"),
    DUPLICATE_TOKEN(HeadScores::duplicateToken, "duplicate"),
    INDUCTION(HeadScores::induction, "induction"),
    COPYING(HeadScores::copying, "copying");

    private final ToDoubleFunction<HeadScores> value;
    private final String title;

    Column(ToDoubleFunction<HeadScores> value, String title) {
      this.value = value;
      this.title = title;
    }

    /** The name in files: {@code sink_share}. */
    public String key() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** A short name for the head of a table. */
    public String title() {
      return title;
    }

    /** The score of a head. */
    public double of(HeadScores scores) {
      return value.applyAsDouble(scores);
    }

    /** The highest first, NaN last, equal ones by layer and head. */
    public List<HeadScores> sorted(List<HeadScores> heads) {
      Comparator<HeadScores> byScore =
          Comparator.comparingDouble(h -> Double.isNaN(of(h)) ? Double.POSITIVE_INFINITY : -of(h));
      return heads.stream()
          .sorted(
              byScore
                  .thenComparingInt(h -> h.head().layer())
                  .thenComparingInt(h -> h.head().head()))
          .toList();
    }
  }
}
