package dev.diopter.cli;

import dev.diopter.engine.Activation;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.Json;
import dev.diopter.formats.NpzWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter cache}: values of a pass as a numpy archive. */
@picocli.CommandLine.Command(
    name = "cache",
    description = "Run a prompt once and write the values at hook points to an npz file, under their names.")
final class CacheCommand implements Command {
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
    ResultFile.requireWritable(out);
    HookPlan plan = edit.read().and(HookPlan.reading(hooks));
    try (Model model = compute.open(input.model(), screen, output)) {
      Prompt prompt = input.resolve(model, screen, output);
      RunResult run = model.run(RunRequest.of(prompt).plan(plan).logits(Logits.NONE)).getFirst();
      Map<String, Activation> arrays = new LinkedHashMap<>();
      run.activationsBefore().forEach((hook, value) -> arrays.put(hook + BEFORE, value));
      arrays.putAll(run.activations());
      long bytes = write(arrays);
      if (output.json()) {
        ResultFile.print(object(model, run, arrays), screen);
      }
      output.note("wrote %s: %d arrays, %s".formatted(out, arrays.size(), Numbers.bytes(bytes)));
    }
  }

  private long write(Map<String, Activation> arrays) {
    try (Progress progress = Progress.start(screen, output, "writing " + out)) {
      AtomicFile.write(
          out,
          stream -> {
            NpzWriter npz = new NpzWriter(stream);
            long done = 0;
            for (Map.Entry<String, Activation> array : arrays.entrySet()) {
              npz.add(array.getKey(), batched(array.getValue().shape()), array.getValue().values());
              progress.update(++done, arrays.size());
            }
            npz.finish();
          });
      return Files.size(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** TransformerLens's arrays have a batch axis in front. */
  private static int[] batched(int[] shape) {
    int[] batched = new int[shape.length + 1];
    batched[0] = 1;
    System.arraycopy(shape, 0, batched, 1, shape.length);
    return batched;
  }

  private static ObjectNode object(Model model, RunResult run, Map<String, Activation> arrays) {
    ObjectNode object = Json.object();
    object.put("model", model.name());
    object.put("backend", model.backend());
    object.set("ids", Tokens.ids(run.ids()));
    Tokens.of(model).putLabels(object, "tokens", run.ids());
    ObjectNode shapes = object.putObject("arrays");
    arrays.forEach(
        (hook, value) -> {
          ArrayNode shape = shapes.putArray(hook);
          for (int size : batched(value.shape())) {
            shape.add(size);
          }
        });
    return object;
  }
}
