package dev.diopter.lens.patterns;

import java.util.ArrayList;
import java.util.List;

/**
 * What a run did.
 *
 * @param done how many were made
 * @param skipped how many were there already
 * @param failures what could not be made; the first {@value #MOST_KEPT} of them
 * @param failed how many could not be made
 */
public record RunSummary(long done, long skipped, List<Failure> failures, long failed) {
  /** Failures that are kept with their reasons. */
  public static final int MOST_KEPT = 1000;

  /**
   * Something that could not be made.
   *
   * @param what a prompt's hash, a line of a file, a figure
   * @param reason why, in one line
   */
  public record Failure(String what, String reason) {}

  public RunSummary {
    failures = List.copyOf(failures);
  }

  /** The failures alone, without what was done. */
  public RunSummary failuresOnly() {
    return new RunSummary(0, 0, failures, failed);
  }

  /** Several runs as one. */
  public static RunSummary sum(List<RunSummary> runs) {
    long done = 0;
    long skipped = 0;
    long failed = 0;
    List<Failure> failures = new ArrayList<>();
    for (RunSummary run : runs) {
      done += run.done;
      skipped += run.skipped;
      failed += run.failed;
      failures.addAll(
          run.failures.subList(0, Math.min(run.failures.size(), MOST_KEPT - failures.size())));
    }
    return new RunSummary(done, skipped, failures, failed);
  }

  /** Whether nothing failed. */
  public boolean isClean() {
    return failed == 0;
  }
}
