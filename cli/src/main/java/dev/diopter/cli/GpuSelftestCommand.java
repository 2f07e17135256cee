package dev.diopter.cli;

import dev.diopter.formats.Json;
import dev.diopter.kernels.Backend;
import dev.diopter.kernels.BackendComparison;
import dev.diopter.kernels.BackendException;
import dev.diopter.kernels.Backends;
import dev.diopter.models.ModelException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter gpu-selftest}: every kernel and whole models on the GPU against the CPU. */
@picocli.CommandLine.Command(
    name = "gpu-selftest",
    description =
        "Check the CUDA backend on this machine: every operation and the bundled models against the"
            + " CPU, with errors and times, in a form to paste into a report.")
final class GpuSelftestCommand implements Command {
  private static final int LEAST_ROWS = 4;
  private static final int HEADS = 12;
  private static final int HEAD_DIM = 64;
  private static final String SUBJECT = "cuda";

  @Option(
      names = "--rows",
      paramLabel = "N",
      description = "Rows of each operation's operands, 256 unless given.")
  private int rows = 256;

  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  GpuSelftestCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    result.validate();
    if (rows < LEAST_ROWS) {
      throw new dev.diopter.engine.UsageException(
          "--rows: expected %d or more, got %d".formatted(LEAST_ROWS, rows));
    }
    String device;
    List<BackendComparison.Outcome> operations = new ArrayList<>();
    List<ModelComparison.Outcome> models = new ArrayList<>();
    try (Progress _ = Progress.start(screen, output, "checking the GPU");
        Backend cpu = Backends.open("cpu", 0)) {
      try (Backend cuda = Backends.open(SUBJECT, 0)) {
        device = cuda.describe();
        operations.addAll(BackendComparison.run(cuda, cpu, rows, HEADS, HEAD_DIM));
      }
      for (BackendComparison.Rounding rounding : BackendComparison.Rounding.values()) {
        operations.addAll(rounded(rounding, cpu));
      }
    }
    try (Progress _ = Progress.start(screen, output, "running the bundled models")) {
      for (String name : dev.diopter.models.ModelStore.BUNDLED) {
        models.addAll(ModelComparison.run(name, SUBJECT));
      }
    }
    long failed =
        operations.stream().filter(o -> !o.agrees()).count()
            + models.stream().filter(m -> !m.agrees()).count();
    if (result.wanted(output)) {
      result.deliver(object(device, operations, models, failed == 0), screen, output);
    }
    if (!output.json()) {
      print(device, operations, models, failed);
    }
    if (failed > 0) {
      throw new ModelException(
          "%d of %d checks failed on %s"
              .formatted(failed, operations.size() + models.size(), device));
    }
  }

  /** The products of a lower precision, under its name; one that cannot be opened is a row too. */
  private List<BackendComparison.Outcome> rounded(
      BackendComparison.Rounding rounding, Backend cpu) {
    String name = SUBJECT + (rounding == BackendComparison.Rounding.TF32 ? "-tf32" : "-bf16");
    List<BackendComparison.Outcome> named = new ArrayList<>();
    try (Backend cuda = Backends.open(name, 0)) {
      for (BackendComparison.Outcome one :
          BackendComparison.runRounded(cuda, cpu, rounding, rows, HEADS, HEAD_DIM)) {
        named.add(
            new BackendComparison.Outcome(
                name + ": " + one.operation(),
                one.error(),
                one.bound(),
                one.milliseconds(),
                one.failure()));
      }
    } catch (BackendException e) {
      named.add(
          new BackendComparison.Outcome(
              name, Double.NaN, 0, Double.NaN, String.valueOf(e.getMessage())));
    }
    return named;
  }

  private ObjectNode object(
      String device,
      List<BackendComparison.Outcome> operations,
      List<ModelComparison.Outcome> models,
      boolean passed) {
    ObjectNode object = Json.object();
    object.put("version", Version.current());
    object.put("device", device);
    object.put("system", system());
    object.put("java", Runtime.version().toString());
    object.put("rows", rows);
    object.put("passed", passed);
    ArrayNode array = object.putArray("operations");
    for (BackendComparison.Outcome one : operations) {
      put(array, one);
    }
    ArrayNode whole = object.putArray("models");
    for (ModelComparison.Outcome one : models) {
      put(whole, comparable(one));
    }
    return object;
  }

  /** A whole pass told like an operation. */
  private static BackendComparison.Outcome comparable(ModelComparison.Outcome one) {
    return new BackendComparison.Outcome(
        one.what(), one.error(), one.bound(), one.milliseconds(), one.failure());
  }

  private static void put(ArrayNode array, BackendComparison.Outcome one) {
    ObjectNode entry = array.addObject();
    entry.put("name", one.operation());
    put(entry, "error", one.error());
    entry.put("bound", one.bound());
    entry.put("ok", one.agrees());
    put(entry, "milliseconds", one.milliseconds());
    if (one.failure() != null) {
      entry.put("failed", one.failure());
    }
  }

  private static void put(ObjectNode entry, String name, double value) {
    if (Double.isNaN(value)) {
      entry.putNull(name);
    } else {
      entry.put(name, value);
    }
  }

  private static String system() {
    return System.getProperty("os.name") + " " + System.getProperty("os.arch");
  }

  private void print(
      String device,
      List<BackendComparison.Outcome> operations,
      List<ModelComparison.Outcome> models,
      long failed) {
    Style style = Style.of(screen);
    screen.out().println(style.title("Diopter " + Version.current() + " GPU self-test"));
    screen.out().println();
    Pages.fact(screen, "device", device);
    Pages.fact(screen, "system", system() + ", Java " + Runtime.version());
    screen.out().println();
    Tables table = table("operation, %d rows".formatted(rows));
    for (BackendComparison.Outcome one : operations) {
      table.row(row(one));
    }
    table.print(screen);
    screen.out().println();
    Tables whole = table("model");
    for (ModelComparison.Outcome one : models) {
      whole.row(row(comparable(one)));
    }
    whole.print(screen);
    screen.out().println();
    screen
        .out()
        .println(failed == 0 ? "  All agree with the CPU." : "  " + failed + " do not agree.");
  }

  private static Tables table(String title) {
    return new Tables()
        .left(title)
        .right("largest error")
        .right("bound")
        .right("ms")
        .left("agrees");
  }

  private static String[] row(BackendComparison.Outcome one) {
    String failure = one.failure();
    return new String[] {
      one.operation(),
      failure == null ? scientific(one.error()) : "-",
      scientific(one.bound()),
      failure == null ? Numbers.fixed(one.milliseconds(), 3) : "-",
      failure != null ? "failed: " + failure : one.agrees() ? "yes" : "NO"
    };
  }

  private static String scientific(double value) {
    return String.format(Locale.ROOT, "%.1e", value);
  }
}
