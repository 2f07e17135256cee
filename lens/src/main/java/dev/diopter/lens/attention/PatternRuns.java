package dev.diopter.lens.attention;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs windows in batches and hands each result on in the order of the corpus. Batches are only for
 * speed: a window's bits do not depend on them.
 */
final class PatternRuns {
  /** Tokens of a batch, beyond its first window. */
  static final int BATCH_TOKENS = 1024;

  private final Model model;
  private final HookPlan plan;
  private final int batchTokens;

  PatternRuns(Model model, HookPlan plan, int batchTokens) {
    this.model = model;
    this.plan = plan;
    this.batchTokens = batchTokens;
  }

  /** Takes what a window's run read. */
  @FunctionalInterface
  interface Taker {
    void take(Window window, RunResult run);
  }

  void run(Windows windows, Taker taker) {
    List<Window> batch = new ArrayList<>();
    int tokens = 0;
    @Nullable Window window = windows.next();
    while (window != null) {
      if (!batch.isEmpty() && tokens + window.ids().length > batchTokens) {
        flush(batch, taker);
        tokens = 0;
      }
      batch.add(window);
      tokens += window.ids().length;
      window = windows.next();
    }
    flush(batch, taker);
  }

  private void flush(List<Window> batch, Taker taker) {
    if (batch.isEmpty()) {
      return;
    }
    List<Prompt> prompts = batch.stream().map(w -> Prompt.ofIds(w.ids())).toList();
    List<RunResult> runs = model.run(RunRequest.of(prompts).plan(plan).logits(Logits.NONE));
    for (int i = 0; i < batch.size(); i++) {
      taker.take(batch.get(i), runs.get(i));
    }
    batch.clear();
  }
}
