package dev.diopter.cli;

import dev.diopter.formats.Json;
import java.util.List;
import picocli.CommandLine.Mixin;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter doctor}: what this machine has, and what of it can be used. */
@picocli.CommandLine.Command(
    name = "doctor",
    description =
        "Show what this machine has: Java, vector unit, memory, backends, tokenizers, folders,"
            + " models.")
final class DoctorCommand implements Command {
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  DoctorCommand(Screen screen) {
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
    Diagnosis diagnosis = Diagnosis.make();
    if (result.wanted(output)) {
      result.deliver(object(diagnosis), screen, output);
    }
    if (!output.json()) {
      print(diagnosis);
    }
  }

  private static ObjectNode object(Diagnosis diagnosis) {
    ObjectNode object = Json.object();
    object.put("version", diagnosis.version());
    object.put("java", diagnosis.java());
    object.put("java_home", diagnosis.javaHome());
    object.put("system", diagnosis.system());
    object.put("cores", diagnosis.cores());
    object.put("memory_bytes", diagnosis.memoryBytes());
    object.put("heap_bytes", diagnosis.heapBytes());
    object.put("vector_module", diagnosis.vectorModule());
    ArrayNode flags = object.putArray("cpu_features");
    diagnosis.cpuFeatures().forEach(flags::add);
    put(object, "backends", diagnosis.backends());
    put(object, "checks", diagnosis.checks());
    put(object, "models", diagnosis.models());
    return object;
  }

  private static void put(ObjectNode object, String key, List<Diagnosis.Finding> findings) {
    ArrayNode array = object.putArray(key);
    for (Diagnosis.Finding finding : findings) {
      ObjectNode entry = array.addObject();
      entry.put("name", finding.name());
      entry.put("ok", finding.ok());
      entry.put("detail", finding.detail());
    }
  }

  private void print(Diagnosis diagnosis) {
    Style style = Style.of(screen);
    screen.out().println(style.title("Diopter " + diagnosis.version()));
    screen.out().println();
    fact("Java", diagnosis.java() + ", " + diagnosis.javaHome());
    fact("system", diagnosis.system());
    fact("cores", Integer.toString(diagnosis.cores()));
    fact(
        "memory",
        "%s, of which the Java heap may take %s (DIOPTER_HEAP sets it)"
            .formatted(
                diagnosis.memoryBytes() < 0 ? "unknown" : Numbers.bytes(diagnosis.memoryBytes()),
                Numbers.bytes(diagnosis.heapBytes())));
    fact(
        "vector unit",
        (diagnosis.vectorModule()
                ? "Vector API on"
                : "Vector API off: scalar kernels stand in, with the same results")
            + (diagnosis.cpuFeatures().isEmpty()
                ? ""
                : "; " + String.join(", ", diagnosis.cpuFeatures())));
    section(style, "Backends", diagnosis.backends());
    section(style, "Parts", diagnosis.checks());
    section(style, "Models", diagnosis.models());
  }

  private void section(Style style, String title, List<Diagnosis.Finding> findings) {
    screen.out().println();
    screen.out().println(style.title(title));
    screen.out().println();
    for (Diagnosis.Finding finding : findings) {
      fact(finding.name(), (finding.ok() ? "" : "no: ") + finding.detail());
    }
  }

  private void fact(String label, String value) {
    Pages.fact(screen, label, value);
  }
}
