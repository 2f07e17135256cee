package dev.diopter.bench;

import com.sun.management.ThreadMXBean;
import dev.diopter.cli.HookCost;
import dev.diopter.engine.Activation;
import dev.diopter.engine.GenerationListener;
import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;

/**
 * Prints what a pass allocates, in Markdown: bytes by all threads of the JVM, for a plain pass, for
 * a pass with each kind of hook, and for each step of decoding. The JVM counts them; the numbers do
 * not depend on the machine's load.
 */
public final class AllocationTable {
  private static final int WARM_UP = 10;
  private static final int PASSES = 9;
  private static final int STEPS = 64;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private AllocationTable() {}

  /** {@code AllocationTable THREADS TOKENS MODEL...}. */
  public static void main(String[] args) {
    int tokens = Integer.parseInt(args[1]);
    System.out.println("| model | work | bytes allocated | of these in the result | besides |");
    System.out.println("|---|---|---|---|---|");
    for (int i = 2; i < args.length; i++) {
      try (Model model = BenchModel.open(args[i], Integer.parseInt(args[0]))) {
        Prompt prompt = BenchModel.prompt(tokens);
        for (HookCost kind : HookCost.values()) {
          pass(model, args[i], prompt, kind);
        }
        decode(model, args[i], prompt);
      }
    }
  }

  private static void pass(Model model, String name, Prompt prompt, HookCost kind) {
    RunRequest request = RunRequest.of(prompt).plan(kind.plan());
    for (int w = 0; w < WARM_UP; w++) {
      model.run(request);
    }
    long[] bytes = new long[PASSES];
    long held = 0;
    for (int p = 0; p < PASSES; p++) {
      long before = THREADS.getTotalThreadAllocatedBytes();
      RunResult result = model.run(request).getFirst();
      bytes[p] = THREADS.getTotalThreadAllocatedBytes() - before;
      held = held(result);
    }
    String label = kind == HookCost.NONE ? "no hooks" : kind.label();
    print(name, "prompt of %d, %s".formatted(prompt.length(), label), median(bytes), held);
  }

  private static void decode(Model model, String name, Prompt prompt) {
    long[] counter = new long[STEPS];
    GenerationListener listener =
        (sequence, step, id) -> counter[step] = THREADS.getTotalThreadAllocatedBytes();
    for (int r = 0; r < 3; r++) {
      model.generate(
          prompt, GenerationOptions.greedy(STEPS).ignoringEos(), HookPlan.NONE, listener);
    }
    long[] steps = new long[STEPS - 2]; // the first step of a generation may still make its buffers
    for (int s = 0; s < steps.length; s++) {
      steps[s] = counter[s + 2] - counter[s + 1];
    }
    String behind = "a token behind %d".formatted(prompt.length());
    print(name, behind + ", the first", counter[1] - counter[0], 0);
    print(name, behind + ", each later one (median)", median(steps), 0);
    print(name, behind + ", each later one (most)", Arrays.stream(steps).max().orElse(0), 0);
  }

  /** Bytes of the arrays that a result hands to its caller. */
  private static long held(RunResult result) {
    long floats = result.logits().length;
    for (Activation a : result.activations().values()) {
      floats += a.values().length;
    }
    return 4 * floats;
  }

  private static long median(long[] values) {
    long[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static void print(String model, String work, long bytes, long held) {
    System.out.printf(
        Locale.ROOT, "| %s | %s | %,d | %,d | **%,d** |%n", model, work, bytes, held, bytes - held);
  }
}
