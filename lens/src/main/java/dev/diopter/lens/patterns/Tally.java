package dev.diopter.lens.patterns;

import dev.diopter.formats.OneLine;
import java.util.ArrayList;
import java.util.List;

/** Counts what a run does; thread safe. */
final class Tally {
  private final RunListener listener;
  private final List<RunSummary.Failure> failures = new ArrayList<>();
  private long total;
  private long done;
  private long skipped;
  private long failed;

  Tally(RunListener listener) {
    this.listener = listener;
  }

  /** How many there are to do in all. */
  synchronized void total(long all) {
    total = all;
  }

  synchronized void done(long count) {
    done += count;
    report();
  }

  synchronized void skipped(long count) {
    skipped += count;
    report();
  }

  /** Something failed; a message that begins by naming it is not told twice what it is about. */
  synchronized void failed(String what, Throwable reason) {
    String message =
        reason.getMessage() == null ? reason.getClass().getSimpleName() : reason.getMessage();
    String start = what + ": ";
    failed(what, message.startsWith(start) ? message.substring(start.length()) : message);
  }

  synchronized void failed(String what, String reason) {
    failed++;
    if (failures.size() < RunSummary.MOST_KEPT) {
      failures.add(new RunSummary.Failure(what, OneLine.brief(reason)));
    }
    report();
  }

  private void report() {
    listener.progress(done + skipped + failed, total);
  }

  synchronized RunSummary summary() {
    return new RunSummary(done, skipped, failures, failed);
  }
}
