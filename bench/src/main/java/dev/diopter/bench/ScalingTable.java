package dev.diopter.bench;

import dev.diopter.engine.KeyValueStore;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Backends;
import dev.diopter.kernels.StorageType;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * Prints what threads bring, in Markdown: the machine's own limits, products, prompts and single
 * tokens with one thread and with several, in turn.
 */
public final class ScalingTable {
  private static final int ROUNDS = 9;
  private static final int CONTEXT = 128;

  private final int threads;

  private ScalingTable(int threads) {
    this.threads = threads;
  }

  /** {@code ScalingTable THREADS MODEL...}. */
  public static void main(String[] args) {
    ScalingTable table = new ScalingTable(Integer.parseInt(args[0]));
    System.out.printf(
        "| work | 1 thread | %d threads | times as fast |%n|---|---|---|---|%n", table.threads);
    table.limits();
    table.products();
    for (int i = 1; i < args.length; i++) {
      table.model(args[i]);
    }
  }

  private void limits() {
    Limits one = Limits.measure(1);
    Limits many = Limits.measure(threads);
    print("limit: fused multiply-adds", "GFLOP/s", one.gigaflops(), many.gigaflops());
    print("limit: reading memory", "GB/s", one.gigabytes(), many.gigabytes());
  }

  private void products() {
    try (Backend one = Backends.open("cpu", 1);
        Backend many = Backends.open("cpu", threads)) {
      for (StorageType type : List.of(StorageType.F32, StorageType.BF16)) {
        for (int rows : new int[] {1, 8, 128, 512}) {
          try (Product first = new Product(one, ProductShape.GPT2_UP, rows, type);
              Product second = new Product(many, ProductShape.GPT2_UP, rows, type)) {
            SideBySide both = SideBySide.measure(first::multiply, second::multiply, ROUNDS, 0);
            String work =
                "product %s, %s, %d rows".formatted(ProductShape.GPT2_UP.label(), type, rows);
            double flop = first.flop() / 1e9;
            print(work, "GFLOP/s", flop / both.first(), flop / both.second(), 1 / both.ratio());
          }
        }
      }
    }
  }

  private void model(String name) {
    try (Model one = BenchModel.open(name, 1);
        Model many = BenchModel.open(name, threads)) {
      for (int length : new int[] {32, 128, 512}) {
        Prompt prompt = BenchModel.prompt(length);
        SideBySide both =
            SideBySide.measure(() -> one.run(prompt), () -> many.run(prompt), ROUNDS, 0);
        String work = "%s, prompt of %d".formatted(name, length);
        print(work, "ms", both.first() * 1e3, both.second() * 1e3, 1 / both.ratio());
      }
      SideBySide both = SideBySide.measure(token(one, CONTEXT), token(many, CONTEXT), ROUNDS, 0);
      String work = "%s, one token behind %d".formatted(name, CONTEXT);
      print(work, "ms", both.first() * 1e3, both.second() * 1e3, 1 / both.ratio());
    }
  }

  /** One token on the kept keys and values of {@code length} others. */
  static Runnable token(Model model, int length) {
    RunRequest context = RunRequest.of(BenchModel.prompt(length)).keepingKeyValues();
    KeyValueStore kept = Objects.requireNonNull(model.run(context).getFirst().keyValues());
    RunRequest next = RunRequest.of(Prompt.ofIds(11)).after(List.of(kept));
    return () -> model.run(next);
  }

  private static void print(String work, String unit, double one, double many) {
    print(work, unit, one, many, many / one);
  }

  private static void print(String work, String unit, double one, double many, double faster) {
    System.out.printf(
        Locale.ROOT,
        "| %s | %.1f %s | %.1f %s | **%.2f** |%n",
        work,
        one,
        unit,
        many,
        unit,
        faster);
  }
}
