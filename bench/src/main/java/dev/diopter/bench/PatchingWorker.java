package dev.diopter.bench;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.lens.patching.ActivationPatching;
import dev.diopter.lens.patching.EverySweep;
import dev.diopter.lens.patching.PatchMetric;
import dev.diopter.lens.patching.PatchRequest;
import dev.diopter.lens.patching.PatchResult;
import dev.diopter.lens.patching.PatchSite;
import dev.diopter.lens.patching.Sweep;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Diopter's side of {@code bench/compare/patching.py}: reads one job a line, {@code NAME CLEAN_IDS
 * CORRUPT_IDS ANSWER WRONG}, sweeps once, clean runs included, and answers one line of JSON with
 * the time, what was computed and the values.
 */
public final class PatchingWorker {
  private PatchingWorker() {}

  /** {@code PatchingWorker MODEL THREADS}. */
  public static void main(String[] args) throws IOException {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (Model model = BenchModel.open(args[0], Integer.parseInt(args[1]))) {
      out.println("{\"ready\": \"" + model.backend() + "\"}");
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        out.println(answer(model, line.split(" ")));
      }
    }
  }

  private static String answer(Model model, String[] job) {
    long start = System.nanoTime();
    List<PatchSite> sites = PatchSite.parse(job[0]);
    PatchMetric metric =
        PatchMetric.normalizedLogitDifference(Integer.parseInt(job[3]), Integer.parseInt(job[4]));
    PatchResult result =
        ActivationPatching.run(
            model,
            PatchRequest.of(
                prompt(job[1]), prompt(job[2]), metric, sites.toArray(PatchSite[]::new)));
    Sweep sweep =
        Arrays.stream(EverySweep.values())
            .filter(e -> e.label().equals(job[0]))
            .findFirst()
            .map(e -> e.stack(result))
            .orElseGet(() -> result.sweep(job[0]));
    double millis = (System.nanoTime() - start) / 1e6;
    String values =
        Arrays.stream(sweep.values()).mapToObj(Double::toString).collect(Collectors.joining(", "));
    return String.format(
        Locale.ROOT,
        "{\"ms\": %.3f, \"cells\": %d, \"computed\": %d, \"token_layers\": %d, \"values\": [%s]}",
        millis,
        result.cost().cells(),
        result.cost().computed(),
        result.cost().tokenLayers(),
        values);
  }

  private static Prompt prompt(String ids) {
    return Prompt.ofIds(Arrays.stream(ids.split(",")).mapToInt(Integer::parseInt).toArray());
  }
}
