package dev.diopter.lens.attention;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/** The first few of a stream in some order, holding no more than these. */
final class Chosen<T> {
  private final int limit;
  private final Comparator<? super T> order;
  private final PriorityQueue<T> kept;

  Chosen(int limit, Comparator<? super T> order) {
    this.limit = limit;
    this.order = order;
    this.kept = new PriorityQueue<>(order.reversed());
  }

  void offer(T value) {
    if (limit == 0) {
      return;
    }
    @Nullable T last = kept.peek();
    if (kept.size() < limit || last == null) {
      kept.add(value);
    } else if (order.compare(value, last) < 0) {
      kept.remove();
      kept.add(value);
    }
  }

  /** What was kept, in this order. */
  List<T> sorted(Comparator<? super T> shown) {
    List<T> all = new ArrayList<>(kept);
    all.sort(shown);
    return all;
  }
}
