package dev.diopter.lens.attention;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A seeded random choice of rows that spreads over the texts: one from each text before a second
 * from any, so that prefixes of one text do not pass for independent evidence.
 */
final class Samples implements RowListener {
  private record Drawn(int round, long number, Sample sample) {}

  private static final Comparator<Drawn> ORDER =
      Comparator.comparingInt(Drawn::round)
          .thenComparingLong(Drawn::number)
          .thenComparingInt(d -> d.sample.text())
          .thenComparingInt(d -> d.sample.start())
          .thenComparingInt(d -> d.sample.query());

  private final int limit;
  private final long seed;
  private final Chosen<Drawn> chosen;
  private Chosen<Drawn> ofText;
  private int text = -1;

  Samples(int limit, long seed) {
    this.limit = limit;
    this.seed = seed;
    this.chosen = new Chosen<>(limit, ORDER);
    this.ofText = new Chosen<>(limit, ORDER);
  }

  @Override
  public void row(Window window, int query, Multiples multiples, double[] row) {
    if (window.text() != text) {
      flush();
      text = window.text();
    }
    boolean any = false;
    for (int k = 0; k <= query && !any; k++) {
      any = multiples.counts(query, k, row[k]);
    }
    if (any) {
      Sample sample =
          new Sample(
              text, window.start(), query, window.ids(), multiples.weights(query), row.clone());
      ofText.offer(new Drawn(0, Draw.number(seed, text, window.start(), query, -1), sample));
    }
  }

  private void flush() {
    int round = 0;
    for (Drawn drawn : ofText.sorted(ORDER)) {
      chosen.offer(new Drawn(round++, drawn.number, drawn.sample));
    }
    ofText = new Chosen<>(limit, ORDER);
  }

  /** The choice, in the order of the draw. */
  List<Sample> drawn() {
    flush();
    List<Sample> all = new ArrayList<>();
    chosen.sorted(ORDER).forEach(d -> all.add(d.sample));
    return all;
  }
}
