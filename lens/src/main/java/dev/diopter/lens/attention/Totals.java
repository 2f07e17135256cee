package dev.diopter.lens.attention;

import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Counts over all rows of a scan. Its memory is bounded by the vocabulary. */
final class Totals implements RowListener {
  private static final int TOP_KEYS = 10;

  private static final class Tally {
    long support;
    long texts;
    int lastText = -1;
    double sum;
  }

  private final SinkSet.Finder sinks;
  private final Map<Integer, Tally> keys = new HashMap<>();
  private int lastText = -1;
  private int lastStart = -1;
  private boolean[] windowSinks = new boolean[0];
  long samples;
  long sinkOnly;
  long entries;
  double sumOfMultiples;
  private double sinkMass;
  private double distance;

  Totals(SinkSet.Finder sinks) {
    this.sinks = sinks;
  }

  @Override
  public void row(Window window, int query, Multiples multiples, double[] row) {
    if (window.text() != lastText || window.start() != lastStart) {
      windowSinks = sinks.of(window.ids());
      lastText = window.text();
      lastStart = window.start();
    }
    samples++;
    sinkOnly += multiples.isSinkOnly(query) ? 1 : 0;
    for (int k = 0; k <= query; k++) {
      double weight = multiples.weight(query, k);
      sinkMass += windowSinks[k] ? weight : 0;
      distance += weight * (query - k);
      if (multiples.counts(query, k, row[k])) {
        entries++;
        sumOfMultiples += Multiples.rounded(row[k]);
        Tally tally = keys.computeIfAbsent(window.ids()[k], _ -> new Tally());
        tally.support++;
        tally.sum += row[k];
        tally.texts += tally.lastText == window.text() ? 0 : 1;
        tally.lastText = window.text();
      }
    }
  }

  double sinkShare() {
    return samples == 0 ? 0 : sinkMass / samples;
  }

  double meanDistance() {
    return samples == 0 ? 0 : distance / samples;
  }

  List<AttentionResult.KeyToken> topKeys() {
    return keys.entrySet().stream()
        .sorted(
            Comparator.comparingDouble((Map.Entry<Integer, Tally> e) -> e.getValue().sum)
                .reversed()
                .thenComparing(Map.Entry::getKey))
        .limit(TOP_KEYS)
        .map(e -> {
          Tally t = e.getValue();
          return new AttentionResult.KeyToken(e.getKey(), t.support, t.texts, t.sum / t.support);
        })
        .toList();
  }
}
