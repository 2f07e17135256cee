package dev.diopter.lens.attention;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;

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
    ENTROPY("entropy"),
    SINK_SHARE("sink"),
    MEAN_DISTANCE("distance"),
    PREVIOUS_TOKEN("previous"),
    DUPLICATE_TOKEN("duplicate"),
    INDUCTION("induction"),
    COPYING("copying");

    private final String title;

    Column(String title) {
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
      return switch (this) {
        case ENTROPY -> scores.entropy;
        case SINK_SHARE -> scores.sinkShare;
        case MEAN_DISTANCE -> scores.meanDistance;
        case PREVIOUS_TOKEN -> scores.previousToken;
        case DUPLICATE_TOKEN -> scores.duplicateToken;
        case INDUCTION -> scores.induction;
        case COPYING -> scores.copying;
      };
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
