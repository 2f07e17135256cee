package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.NpzWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Cells as npz and CSV; files appear whole or not at all. */
public final class CellFiles {
  private CellFiles() {}

  /**
   * Writes logits: {@code NAME.logits}, {@code source_layers} and {@code target_layers} (-1 for
   * embed, the number of blocks for final), {@code source_ids} and {@code target_ids} of the first
   * cell, {@code generated_ids} (-1 behind the end); of each control {@code CONTROL.logits} of the
   * same shape and {@code CONTROL.generated_ids}.
   *
   * @param name {@code grid}, {@code pairs} or {@code cells}
   * @param sweeps a sweep, then its controls
   * @param columns source layers of a grid, which becomes two axes; 0 for one axis of cells
   * @param allSteps whether there is an axis of steps behind; not-a-number behind the end of a text
   */
  public static void npz(
      Path file, String name, List<ScopeFigure.Panel> sweeps, int columns, boolean allSteps) {
    List<Cell> cells = sweeps.getFirst().cells();
    Model model = cells.getFirst().patch().target().model();
    int vocabulary = model.config().vocabulary();
    int steps =
        sweeps.stream()
            .flatMap(s -> s.cells().stream())
            .mapToInt(c -> c.stepLogits().size())
            .max()
            .orElse(0);
    long floats = (long) cells.size() * vocabulary * (allSteps ? steps : 1);
    if (floats > Integer.MAX_VALUE - 64) {
      throw new UsageException(
          "npz: expected at most %d logits in one array, got %d: sweep less, or write .jsonl"
              .formatted(Integer.MAX_VALUE - 64, floats));
    }
    List<Integer> shape = new java.util.ArrayList<>();
    if (columns > 0) {
      shape.addAll(List.of(columns, cells.size() / columns));
    } else {
      shape.add(cells.size());
    }
    if (allSteps) {
      shape.add(steps);
    }
    shape.add(vocabulary);
    int own = cells.getFirst().patch().source().model().config().layers();
    int layers = model.config().layers();
    int rows = columns > 0 ? cells.size() / columns : 1;
    int count = columns > 0 ? columns : cells.size();
    int[] sources = new int[count];
    Arrays.setAll(sources, i -> number(cells.get(i * rows).route().sourceEntry(), own));
    int[] targets = new int[columns > 0 ? rows : cells.size()];
    Arrays.setAll(targets, i -> number(cells.get(i).route().targetEntry(), layers));
    NpzWriter.write(
        file,
        NpzWriter.Packing.STORED,
        out -> {
          out.floats(name + ".logits", shape, logits(cells, allSteps, steps, vocabulary));
          out.ints("source_layers", List.of(sources.length), sources);
          out.ints("target_layers", List.of(targets.length), targets);
          int[] from = cells.getFirst().patch().source().input().prompt().ids();
          int[] to = cells.getFirst().patch().target().input().prompt().ids();
          out.ints("source_ids", List.of(from.length), from);
          out.ints("target_ids", List.of(to.length), to);
          generated(out, "generated_ids", cells);
          for (ScopeFigure.Panel control : sweeps.subList(1, sweeps.size())) {
            float[] values = logits(control.cells(), allSteps, steps, vocabulary);
            out.floats(control.name() + ".logits", shape, values);
            generated(out, control.name() + ".generated_ids", control.cells());
          }
        });
  }

  private static float[] logits(List<Cell> cells, boolean allSteps, int steps, int vocabulary) {
    int each = vocabulary * (allSteps ? steps : 1);
    float[] logits = new float[cells.size() * each];
    Arrays.fill(logits, Float.NaN);
    for (int c = 0; c < cells.size(); c++) {
      Cell cell = cells.get(c);
      List<float[]> rows = allSteps ? cell.stepLogits() : List.of(cell.logits());
      for (int i = 0; i < rows.size(); i++) {
        System.arraycopy(rows.get(i), 0, logits, c * each + i * vocabulary, vocabulary);
      }
    }
    return logits;
  }

  private static void generated(NpzWriter out, String name, List<Cell> cells) throws IOException {
    int longest = cells.stream().mapToInt(c -> c.generatedIds().length).max().orElse(0);
    int[] generated = new int[cells.size() * longest];
    Arrays.fill(generated, -1);
    for (int i = 0; i < cells.size(); i++) {
      int[] ids = cells.get(i).generatedIds();
      System.arraycopy(ids, 0, generated, i * longest, ids.length);
    }
    out.ints(name, List.of(cells.size(), longest), generated);
  }

  /**
   * Writes a table: a line for each cell, with the name of its sweep, the number of its prompt and,
   * last, the probability of each token that was asked for.
   *
   * @param sweeps a sweep, then its controls
   * @param prompts how many prompts with equally many cells each sweep has
   */
  public static void csv(Path file, List<ScopeFigure.Panel> sweeps, int prompts) {
    StringBuilder text =
        new StringBuilder(
            "sweep,prompt,source_layer,target_layer,source_positions,target_positions,id,token,probability,logit,"
                + "entropy,precision_at_1,precision_at_k,surprisal_of_source_top,"
                + "surprisal_of_patched_top,kl_from_source,kl_from_unpatched,generated_ids,text");
    for (Reading.Candidate asked : sweeps.getFirst().cells().getFirst().reading().tokens()) {
      text.append(",probability_of_").append(asked.id());
    }
    text.append("\r\n");
    for (ScopeFigure.Panel sweep : sweeps) {
      lines(text, sweep, prompts);
    }
    AtomicFile.write(file, out -> out.write(text.toString().getBytes(StandardCharsets.UTF_8)));
  }

  private static void lines(StringBuilder text, ScopeFigure.Panel sweep, int prompts) {
    int each = sweep.cells().size() / prompts;
    for (Cell cell : sweep.cells()) {
      Reading reading = cell.reading();
      Model model = cell.patch().target().model();
      Reading.Candidate best = reading.best();
      field(text, sweep.name());
      field(text, cell.index() / each);
      field(text, Slots.label(cell.route().sourceEntry()));
      field(text, Slots.label(cell.route().targetEntry()));
      field(text, joined(cell.sourcePositions()));
      field(text, joined(cell.targetPositions()));
      field(text, best.id());
      field(text, CellJson.label(model, best.id()));
      field(text, best.probability());
      field(text, best.logit());
      field(text, reading.entropy());
      field(text, reading.precisionAt1());
      field(text, reading.precisionAtK());
      field(text, reading.surprisalOfSourceTop());
      field(text, reading.surprisalOfPatchedTop());
      field(text, reading.klFromSource());
      field(text, reading.klFromUnpatched());
      field(text, joined(cell.generatedIds()));
      field(text, cell.text());
      cell.reading().tokens().forEach(asked -> field(text, asked.probability()));
      text.setLength(text.length() - 1);
      text.append("\r\n");
    }
  }

  private static int number(int entry, int layers) {
    return entry == Mapping.Route.FINAL ? layers : entry - 1;
  }

  private static String joined(int[] numbers) {
    return String.join(" ", Arrays.stream(numbers).mapToObj(Integer::toString).toList());
  }

  private static void field(StringBuilder line, @Nullable Object value) {
    String text = value == null ? "" : value.toString();
    boolean quoted = text.chars().anyMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
    line.append(quoted ? '"' + text.replace("\"", "\"\"") + '"' : text).append(',');
  }
}
