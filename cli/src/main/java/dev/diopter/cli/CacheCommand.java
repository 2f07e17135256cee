package dev.diopter.cli;

import dev.diopter.engine.Activation;
import dev.diopter.engine.HookNames;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.formats.Json;
import dev.diopter.formats.NpzWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter cache}: values of a pass as a numpy archive. */
@picocli.CommandLine.Command(
    name = "cache",
    description =
        "Run a prompt once and write the values at hook points to an npz file, under their names.",
    customSynopsis = "diopter cache [OPTIONS] MODEL PROMPT --hooks NAMES --out FILE.npz",
    footer = {
      "",
      "Example: diopter cache demo-gpt2 --bos \"France\" --hooks 'blocks.*.attn.hook_pattern' --out"
          + " p.npz"
    })
final class CacheCommand implements Command {
  private static final Pattern BLOCK = Pattern.compile("^blocks\\.\\d+\\.");
  private static final String BEFORE = ".before";

  @Mixin private final PromptInput input = new PromptInput();

  @Option(
      names = "--hooks",
      required = true,
      paramLabel = "NAMES",
      description = "Names or patterns with commas between them; '*,optional:*' is everything.")
  private String hooks = "";

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE.npz",
      description = "The file to write: one array for each point, a batch axis of 1 in front.")
  private Path out = Path.of("");

  @Mixin private final PlanOption edit = new PlanOption();
  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ProcessOption process = new ProcessOption();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  CacheCommand(Screen screen) {
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
    compute.validate();
    process.wanted();
    ResultFile.requireWritable(out);
    HookPlan plan = edit.read().and(HookPlan.reading(hooks));
    try (Model model = process.open(compute, input.model(), screen, output)) {
      // Here the message names what was typed, not an entry of a plan.
      HookNames.resolveAll(hooks, model.config());
      Prompt prompt = input.resolve(model, screen, output);
      RunRequest request = RunRequest.of(prompt).plan(plan).logits(Logits.NONE);
      RunResult run = ComputeOptions.run(model, request, screen, output);
      Map<String, Activation> arrays = new LinkedHashMap<>();
      run.activationsBefore().forEach((hook, value) -> arrays.put(hook + BEFORE, value));
      arrays.putAll(run.activations());
      long bytes = write(arrays, model);
      if (output.json()) {
        ResultFile.print(object(model, run, arrays), screen);
      }
      if (!output.quiet()) {
        list(arrays.values());
      }
      output.note("wrote %s: %d arrays, %s".formatted(out, arrays.size(), Numbers.bytes(bytes)));
    }
  }

  private long write(Map<String, Activation> arrays, Model model) {
    try (Progress progress = Progress.start(screen, output, "writing " + out)) {
      NpzWriter.write(
          out,
          NpzWriter.Packing.STORED,
          npz -> {
            List<String> steps = model.processing().names();
            if (!steps.isEmpty()) {
              npz.strings("processing", List.of(steps.size()), steps);
            }
            long done = 0;
            for (Map.Entry<String, Activation> array : arrays.entrySet()) {
              npz.floats(array.getKey(), batched(array.getValue()), array.getValue().values());
              progress.update(++done, arrays.size());
            }
          });
      return Files.size(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Says what was written; the blocks share a line where their arrays have one shape. */
  private void list(Collection<Activation> arrays) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    Map<String, Activation> examples = new LinkedHashMap<>();
    for (Activation array : arrays) {
      String kind = BLOCK.matcher(array.name()).replaceFirst("blocks.*.") + " " + batched(array);
      counts.merge(kind, 1, Integer::sum);
      examples.putIfAbsent(kind, array);
    }
    Tables table = new Tables().left("hook").right("arrays").left("shape").right("bytes");
    examples.forEach((kind, example) -> {
      int count = Objects.requireNonNull(counts.get(kind));
      table.row(
          count == 1 ? example.name() : kind.substring(0, kind.indexOf(' ')),
          Integer.toString(count),
          batched(example).toString(),
          Numbers.grouped(4L * count * example.values().length));
    });
    table.print(screen.err(), screen.width(), Style.plain());
  }

  /** TransformerLens's arrays have a batch axis in front. */
  private static List<Integer> batched(Activation value) {
    List<Integer> shape = new ArrayList<>();
    shape.add(1);
    for (int size : value.shape()) {
      shape.add(size);
    }
    return shape;
  }

  private static ObjectNode object(Model model, RunResult run, Map<String, Activation> arrays) {
    ObjectNode object = Json.object();
    ProcessOption.put(object, model);
    object.set("ids", Tokens.ids(run.ids()));
    Tokens.of(model).putLabels(object, "tokens", run.ids());
    ObjectNode shapes = object.putObject("arrays");
    arrays.forEach((hook, value) -> {
      ArrayNode shape = shapes.putArray(hook);
      for (int size : batched(value)) {
        shape.add(size);
      }
    });
    return object;
  }
}
