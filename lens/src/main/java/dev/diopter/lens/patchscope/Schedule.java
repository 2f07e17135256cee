package dev.diopter.lens.patchscope;

import dev.diopter.engine.Steps;
import dev.diopter.engine.UsageException;

/**
 * In which passes a vector is written. Step 0 is the pass over the prompt, where the target's
 * positions are written; step t is the pass over the t-th new token, whose one row is written. With
 * kept keys and values, as here, writing once in the prompt pass is the same as writing at the same
 * absolute position in passes over everything.
 *
 * @param steps the steps
 */
public record Schedule(Steps steps) {
  /** The pass over the prompt alone, as obvs does: the default. */
  public static final Schedule PROMPT = new Schedule(Steps.PROMPT);

  /** Every pass. */
  public static final Schedule EVERY_PASS = new Schedule(Steps.ALL);

  /** Chosen passes. */
  public static Schedule steps(int... steps) {
    return new Schedule(Steps.of(steps));
  }

  /** Reads {@code prompt}, {@code every} or {@code steps:0,2}. */
  public static Schedule parse(String text) {
    if (text.startsWith("steps:")) {
      return steps(Numbers.list("schedule", text.substring(6)));
    }
    return switch (text) {
      case "prompt" -> PROMPT;
      case "every" -> EVERY_PASS;
      default ->
          throw new UsageException(
              "schedule: expected prompt, every or steps:0,2, got '%s'".formatted(text));
    };
  }

  /** As it is read. */
  public String label() {
    if (steps.equals(Steps.PROMPT)) {
      return "prompt";
    }
    return steps.isAll() ? "every" : "steps:" + steps.toString().replaceAll("[\\[\\] ]", "");
  }

  /** Whether it acts in the pass over the prompt. */
  boolean onPrompt() {
    return steps.contains(0);
  }

  /** Whether it acts behind the pass over the prompt. */
  boolean later() {
    return !steps.equals(Steps.PROMPT);
  }

  /** The steps behind the first new token, counted from there; for a schedule that is later. */
  Steps behind() {
    if (steps.isAll()) {
      return Steps.ALL;
    }
    return Steps.of(
        java.util.Arrays.stream(steps.toArray()).filter(s -> s > 0).map(s -> s - 1).toArray());
  }

  /** Fails where it would never act, or names passes that never come. */
  void require(int newTokens) {
    int passes = Math.max(1, newTokens);
    for (int step : steps.toArray()) {
      if (step >= passes) {
        throw new UsageException(
            "schedule: %d new tokens take passes 0 to %d; step %d would never act"
                .formatted(newTokens, passes - 1, step));
      }
    }
  }
}
