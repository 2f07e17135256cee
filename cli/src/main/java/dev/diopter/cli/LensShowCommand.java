package dev.diopter.cli;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.trajectory.Comparison;
import dev.diopter.lens.trajectory.LensStatistic;
import dev.diopter.lens.trajectory.Targets;
import dev.diopter.lens.trajectory.Trajectories;
import dev.diopter.lens.trajectory.TrajectoryOptions;
import dev.diopter.lens.trajectory.TrajectorySource;
import dev.diopter.lens.tuned.Lens;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code diopter lens show}: a trajectory as a table, JSON and figures. */
@picocli.CommandLine.Command(
    name = "show",
    description = "What each layer would predict, by layer and position.",
    footer = {
      "",
      "Example: diopter lens show demo-gpt2 --bos \"The capital of France is\" --figure lens.html"
    })
final class LensShowCommand implements Command {
  @Mixin private final PromptInput input = new PromptInput();
  @Mixin private final LensOption lens = new LensOption();

  @Option(
      names = "--statistic",
      paramLabel = "NAMES",
      split = ",",
      description =
          "Some of entropy (default), cross_entropy, rank, forward_kl, reverse_kl,"
              + " max_probability, top_k_overlap, log_prob_diff, log_prob_diff_delta; of two"
              + " trajectories kl_divergence, js_divergence, jeffreys, total_variation,"
              + " max_difference.")
  private List<String> statistics = List.of("entropy");

  @Option(
      names = "--target-ids",
      paramLabel = "1,2,3",
      description = "A target for each position, or one for all; the next tokens unless given.")
  private @Nullable String targetIds;

  @Option(
      names = "--anti-target-ids",
      paramLabel = "1,2,3",
      description = "Tokens to compare the targets with, for log_prob_diff.")
  private @Nullable String antiTargetIds;

  @Option(
      names = "--other",
      paramLabel = "TEXT",
      description = "A second prompt of as many tokens, to compare with.")
  private @Nullable String other;

  @Option(
      names = "--other-ids",
      paramLabel = "1,2,3",
      description = "Its token ids instead of a text.")
  private @Nullable String otherIds;

  @Mixin private final PlanOption edit = new PlanOption();

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Most probable tokens that are kept of each cell; 10 unless given.")
  private int top = 10;

  @Option(
      names = "--mask-input",
      description = "Leave the tokens that were seen so far out of every distribution.")
  private boolean maskInput;

  @Option(
      names = "--stride",
      paramLabel = "N",
      description = "Every Nth layer, and the last row in any case.")
  private int stride = 1;

  @Option(
      names = "--clip",
      paramLabel = "A,B",
      description = "Hold values between two numbers, where the colours end.")
  private @Nullable String clip;

  @Mixin private final LensFigureOptions figure = new LensFigureOptions();
  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ProcessOption process = new ProcessOption();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  LensShowCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    input.validate();
    List<LensStatistic> wanted = wanted();
    double[] range = range();
    if (stride < 1) {
      throw new UsageException("--stride: expected 1 or more, got " + stride);
    }
    if (other != null && otherIds != null) {
      throw new UsageException("expected --other or --other-ids, got both");
    }
    compute.validate();
    process.wanted();
    result.validate();
    figure.validate();
    lens.read(input.model());
    HookPlan plan = edit.readEdits(output);
    boolean compares = needs(wanted, LensStatistic.Needs.OTHER);
    if (compares && other == null && otherIds == null && plan.isEmpty()) {
      throw new UsageException(
          "%s: expected --other, --other-ids or --edit, to compare with"
              .formatted(firstOf(wanted, LensStatistic.Needs.OTHER).label()));
    }
    if (needs(wanted, LensStatistic.Needs.ANTI_TARGETS) && antiTargetIds == null) {
      throw new UsageException(
          "%s: expected --anti-target-ids"
              .formatted(firstOf(wanted, LensStatistic.Needs.ANTI_TARGETS).label()));
    }
    try (Model model = process.open(compute, input.model(), screen, output)) {
      Lens read = lens.of(model, output);
      Prompt prompt = input.resolve(model, screen, output);
      TrajectoryOptions options =
          new TrajectoryOptions(
              plan,
              targets("--target-ids", targetIds, prompt.length()),
              targets("--anti-target-ids", antiTargetIds, prompt.length()),
              top,
              maskInput,
              compute.threads());
      TrajectorySource source = new TrajectorySource(model, read, prompt, options);
      LensReport report = new LensReport(model, source, wanted, stride, range);
      long start = System.nanoTime();
      try (Progress bar = Progress.start(screen, output, "reading layers")) {
        if (compares) {
          Comparison comparison = Trajectories.compare(source, other(source), bar::update);
          report.take(comparison);
        } else {
          report.take(Trajectories.of(source, bar::update));
        }
      }
      output.detail("read every layer in " + Numbers.duration(System.nanoTime() - start));
      figure.write(report.figureTitle(), report.figures(), output);
      if (result.wanted(output)) {
        result.deliver(report.object(), screen, output);
      }
      if (!output.json()) {
        report.print(screen);
      }
    }
  }

  private List<LensStatistic> wanted() {
    List<LensStatistic> wanted = new ArrayList<>();
    for (String name : statistics) {
      LensStatistic statistic = LensStatistic.of(name.strip());
      if (!wanted.contains(statistic)) {
        wanted.add(statistic);
      }
    }
    return wanted;
  }

  private static boolean needs(List<LensStatistic> wanted, LensStatistic.Needs needs) {
    return wanted.stream().anyMatch(s -> s.needs() == needs);
  }

  private static LensStatistic firstOf(List<LensStatistic> wanted, LensStatistic.Needs needs) {
    return wanted.stream().filter(s -> s.needs() == needs).findFirst().orElseThrow();
  }

  private double[] range() {
    if (clip == null) {
      return new double[0];
    }
    String[] ends = clip.split(",", -1);
    try {
      if (ends.length == 2) {
        double low = Double.parseDouble(ends[0].strip());
        double high = Double.parseDouble(ends[1].strip());
        if (low < high) {
          return new double[] {low, high};
        }
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new UsageException(
        "--clip: expected two numbers, the smaller first, such as 0,3; got '%s'".formatted(clip));
  }

  private static @Nullable Targets targets(String option, @Nullable String text, int positions) {
    if (text == null) {
      return null;
    }
    int[] ids = TokenIds.parse(option, text);
    return ids.length == 1 ? Targets.everywhere(ids[0], positions) : new Targets(ids);
  }

  /** The second trajectory: another prompt with the same edits, or the same one without them. */
  private TrajectorySource other(TrajectorySource source) {
    TrajectoryOptions plain = source.options().targets(null).antiTargets(null);
    if (other == null && otherIds == null) {
      return source.options(source.options().plan(HookPlan.NONE));
    }
    Prompt second =
        other == null
            ? input.ids(
                source.model(), TokenIds.parse("--other-ids", Objects.requireNonNull(otherIds)))
            : input.text(source.model(), other);
    return new TrajectorySource(source.model(), source.lens(), second, plain);
  }
}
