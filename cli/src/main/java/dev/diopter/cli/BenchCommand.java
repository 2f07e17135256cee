package dev.diopter.cli;

import com.sun.management.ThreadMXBean;
import dev.diopter.engine.GenerationListener;
import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.kernels.cpu.MachineLimits;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter bench}: how fast this machine runs a model, and what hooks cost. */
@picocli.CommandLine.Command(
    name = "bench",
    description =
        "Time passes of a model on this machine: a prompt, new tokens, and each kind of hook beside the same pass without.",
    footer = {"", "Example: diopter bench demo-gpt2 --tokens 128"})
final class BenchCommand implements Command {
  private static final int DECODED = 32;

  @Parameters(
      paramLabel = "MODEL",
      arity = "0..1",
      description = "A folder, a bundled model or a hub id; demo-gpt2 unless given.")
  private String name = "demo-gpt2";

  @Option(
      names = "--tokens",
      paramLabel = "N",
      description = "Length of the prompt; 128 unless given.")
  private int tokens = 128;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Measured rounds of each pass; 20 unless given.")
  private int rounds = 20;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  BenchCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  /**
   * One pass with hooks beside the same pass without.
   *
   * @param milliseconds median time
   * @param ratio median over the rounds of (with hooks) / (without), each pair run one after the
   *     other
   * @param bytes allocated by the calling thread in one pass, the results included
   */
  private record Cost(double milliseconds, double ratio, long bytes) {}

  /**
   * What the machine can do at most with some cores at once; not a number without vectors.
   *
   * @param fma GFLOP/s of multiply-adds on registers
   * @param read GB/s of reading memory
   */
  private record Limits(double fma, double read) {
    static Limits measure(int cores) {
      if (!MachineLimits.available()) {
        return new Limits(Double.NaN, Double.NaN);
      }
      return new Limits(MachineLimits.fmaGigaflops(cores), MachineLimits.readGigabytes(cores));
    }
  }

  /** Everything measured. */
  private record Measured(
      Limits one, Limits all, Map<HookCost, Cost> costs, double decodeMilliseconds) {}

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    if (tokens < 1 || rounds < 1) {
      throw new UsageException(
          "--tokens and --rounds: expected 1 or more, got %d and %d".formatted(tokens, rounds));
    }
    compute.validate();
    result.validate();
    try (Model model = compute.open(name, screen, output)) {
      Measured measured;
      try (Progress _ = Progress.start(screen, output, "timing " + model.name())) {
        measured = measure(model);
      }
      if (result.wanted(output)) {
        result.deliver(object(model, measured), screen, output);
      }
      if (!output.json()) {
        print(model, measured);
      }
    }
  }

  private Measured measure(Model model) {
    int[] ids = new int[tokens];
    Arrays.setAll(ids, i -> (7 * i + 3) % Math.min(1000, model.config().vocabulary()));
    Prompt prompt = Prompt.ofIds(ids);
    warmUp(model, RunRequest.of(prompt), 2_000_000_000L);
    Map<HookCost, Cost> costs = new EnumMap<>(HookCost.class);
    for (HookCost kind : HookCost.values()) {
      costs.put(kind, cost(model, prompt, kind.plan()));
    }
    double decode = decode(model, prompt);
    return new Measured(Limits.measure(1), Limits.measure(cores()), costs, decode);
  }

  private static int cores() {
    return Runtime.getRuntime().availableProcessors();
  }

  private Cost cost(Model model, Prompt prompt, HookPlan plan) {
    RunRequest plain = RunRequest.of(prompt);
    RunRequest hooked = plain.plan(plan);
    List<Double> times = new ArrayList<>();
    List<Double> ratios = new ArrayList<>();
    warmUp(model, hooked, 300_000_000L);
    for (int r = 0; r < rounds; r++) {
      double without = time(model, plain);
      double with = time(model, hooked);
      times.add(with);
      ratios.add(with / without);
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    model.run(hooked);
    long bytes = threads.getCurrentThreadAllocatedBytes() - before;
    return new Cost(median(times), median(ratios), bytes);
  }

  private static void warmUp(Model model, RunRequest request, long nanoseconds) {
    long end = System.nanoTime() + nanoseconds;
    do {
      model.run(request);
    } while (System.nanoTime() < end);
  }

  private static double time(Model model, RunRequest request) {
    long start = System.nanoTime();
    model.run(request);
    return (System.nanoTime() - start) / 1e6;
  }

  private double decode(Model model, Prompt prompt) {
    int room = model.config().contextLength() - prompt.length();
    int count = Math.min(DECODED, room);
    if (count < 2) {
      return Double.NaN;
    }
    List<Double> each = new ArrayList<>();
    long[] clock = new long[count];
    GenerationListener listener = (sequence, step, id) -> clock[step] = System.nanoTime();
    for (int r = 0; r < Math.max(3, rounds / 4); r++) {
      model.generate(
          prompt, GenerationOptions.greedy(count).ignoringEos(), HookPlan.NONE, listener);
      each.add((clock[count - 1] - clock[0]) / 1e6 / (count - 1));
    }
    return median(each);
  }

  private static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    int n = sorted.length;
    return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
  }

  private ObjectNode object(Model model, Measured measured) {
    ObjectNode object = Json.object();
    object.put("model", model.name());
    object.put("backend", model.backend());
    object.put("tokens", tokens);
    object.put("rounds", rounds);
    object.put("fma_gigaflops_one_core", measured.one().fma());
    object.put("read_gigabytes_per_second_one_core", measured.one().read());
    object.put("fma_gigaflops_all_cores", measured.all().fma());
    object.put("read_gigabytes_per_second_all_cores", measured.all().read());
    object.put("decode_milliseconds_per_token", measured.decodeMilliseconds());
    ObjectNode passes = object.putObject("passes");
    measured
        .costs()
        .forEach((kind, cost) -> {
          ObjectNode pass = passes.putObject(kind.label().replace(' ', '_'));
          pass.put("milliseconds", cost.milliseconds());
          pass.put("ratio", cost.ratio());
          pass.put("allocated_bytes", cost.bytes());
        });
    return object;
  }

  private void print(Model model, Measured measured) {
    Pages.title(screen, model.name(), model);
    screen.out().println();
    Cost plain = measured.costs().getOrDefault(HookCost.NONE, new Cost(Double.NaN, 1, 0));
    Pages.fact(
        screen,
        "prompt",
        "%d tokens in %s ms, %s tokens a second"
            .formatted(
                tokens,
                Numbers.fixed(plain.milliseconds(), 2),
                Numbers.grouped(Math.round(tokens / plain.milliseconds() * 1e3))));
    Pages.fact(
        screen,
        "new tokens",
        Double.isNaN(measured.decodeMilliseconds())
            ? "no room behind the prompt"
            : "%s ms each, %s a second"
                .formatted(
                    Numbers.fixed(measured.decodeMilliseconds(), 2),
                    Numbers.grouped(Math.round(1e3 / measured.decodeMilliseconds()))));
    print("one core", measured.one());
    print("all %d cores".formatted(cores()), measured.all());
    screen.out().println();
    Tables table = new Tables().left("hooks").right("ms").right("ratio").right("allocated");
    measured
        .costs()
        .forEach((kind, cost) ->
            table.row(
                kind.label(),
                Numbers.fixed(cost.milliseconds(), 2),
                Numbers.fixed(cost.ratio(), 3),
                Numbers.bytes(cost.bytes())));
    table.print(screen);
  }

  private void print(String name, Limits limits) {
    Pages.fact(
        screen,
        name,
        Double.isNaN(limits.fma())
            ? "not measured: this JVM has no vectors"
            : "%s GFLOP/s of multiply-adds on registers, reads %s GB/s"
                .formatted(Numbers.fixed(limits.fma(), 0), Numbers.fixed(limits.read(), 1)));
  }
}
