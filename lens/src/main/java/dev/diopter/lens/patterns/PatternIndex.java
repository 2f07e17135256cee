package dev.diopter.lens.patterns;

import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.JsonLines;
import dev.diopter.formats.PythonJson;
import dev.diopter.lens.pictures.PictureFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The lists that pages and readers start from, made anew from what is there: sorted, each row as
 * Python writes it, each file whole or not at all.
 */
public final class PatternIndex {
  private static final String FIGURES = "figures.jsonl";
  private static final String FUNCTIONS = "functions.jsonl";

  private PatternIndex() {}

  /**
   * Writes {@code prompts.jsonl} of a model: the prompts that are there, sorted by hash.
   *
   * @return how many there are, and the files that are broken
   */
  public static RunSummary prompts(ModelFolder model) {
    Tally tally = new Tally(RunListener.NONE);
    PatternStore.create(model.folder());
    AtomicFile.write(
        model.promptsFile(),
        out -> {
          for (String hash : model.hashes()) {
            PatternPrompt prompt;
            try {
              prompt = model.prompt(hash);
            } catch (FormatException e) {
              tally.failed(hash, e);
              continue;
            }
            PythonJson.writeLine(prompt.json(), out);
            tally.done(1);
          }
        });
    return tally.summary();
  }

  /**
   * Writes {@code models.jsonl}: the configuration of each model and its folder's name.
   *
   * @return how many there are, and the files that are broken
   */
  public static RunSummary models(PatternStore store) {
    Tally tally = new Tally(RunListener.NONE);
    PatternStore.create(store.folder());
    AtomicFile.write(
        store.folder().resolve("models.jsonl"),
        out -> {
          for (ModelFolder folder : store.models()) {
            ObjectNode row;
            try {
              row = folder.config().json();
            } catch (FormatException e) {
              tally.failed(folder.name(), e);
              continue;
            }
            row.put("sanitized_name", folder.name());
            PythonJson.writeLine(row, out);
            tally.done(1);
          }
        });
    return tally.summary();
  }

  /**
   * Writes {@code figures.jsonl} and, for older readers, {@code functions.jsonl}: the rows that are
   * there and those of the functions that have just drawn, which win; sorted by name. No row is
   * ever taken out.
   *
   * @return how many rows there are, and the lines that are broken
   */
  public static RunSummary figures(PatternStore store, FigureOptions options) {
    Tally tally = new Tally(RunListener.NONE);
    Map<String, ObjectNode> rows = rows(store, tally);
    for (FigureFunction function : options.functions()) {
      // Readers know one format for a figure; of several the one that all of them can show.
      put(function, Collections.min(options.formatsOf(function)), rows);
    }
    return write(store, rows, tally);
  }

  /**
   * The same for nothing new: the rows that are there, and those of known functions whose figures
   * are there.
   */
  public static RunSummary figures(PatternStore store) {
    Tally tally = new Tally(RunListener.NONE);
    Map<String, ObjectNode> rows = rows(store, tally);
    for (FigureFunction function : FigureFunctions.all()) {
      for (PictureFormat format : PictureFormat.values()) {
        String name = DrawnFigure.names(function).getFirst();
        if (!rows.containsKey(name) && isDrawn(store, name + "." + format.suffix())) {
          put(function, format, rows);
        }
      }
    }
    return write(store, rows, tally);
  }

  /** Whether some model's first prompt has a file. */
  private static boolean isDrawn(PatternStore store, String file) {
    for (ModelFolder model : store.models()) {
      List<String> hashes = model.hashes();
      if (!hashes.isEmpty()
          && Files.isRegularFile(
              HeadFigures.folder(model.promptFolder(hashes.getFirst()), 0, 0).resolve(file))) {
        return true;
      }
    }
    return false;
  }

  private static Map<String, ObjectNode> rows(PatternStore store, Tally tally) {
    Map<String, ObjectNode> rows = new TreeMap<>();
    read(store.folder().resolve(FUNCTIONS), rows, tally);
    read(store.folder().resolve(FIGURES), rows, tally);
    return rows;
  }

  private static void put(
      FigureFunction function, PictureFormat format, Map<String, ObjectNode> rows) {
    for (String name : DrawnFigure.names(function)) {
      ObjectNode row = Json.object();
      row.put("name", name);
      row.put("func_name", function.name());
      row.put("doc", function.description());
      row.put("figure_save_fmt", format.suffix());
      row.put("source", function.getClass().getName());
      row.put("code", function.formula());
      rows.put(name, row);
    }
  }

  private static RunSummary write(PatternStore store, Map<String, ObjectNode> rows, Tally tally) {
    PatternStore.create(store.folder());
    write(store.folder().resolve(FIGURES), List.copyOf(rows.values()));
    List<ObjectNode> older = new ArrayList<>();
    for (ObjectNode row : rows.values()) {
      ObjectNode copy = row.deepCopy();
      copy.remove("func_name");
      older.add(copy);
    }
    write(store.folder().resolve(FUNCTIONS), older);
    tally.done(rows.size());
    return tally.summary();
  }

  private static void read(Path file, Map<String, ObjectNode> rows, Tally tally) {
    if (!Files.isRegularFile(file)) {
      return;
    }
    try (JsonLines lines = JsonLines.open(file)) {
      while (lines.next()) {
        try {
          JsonNode row = lines.value();
          if (!(row instanceof ObjectNode object) || !row.path("name").isString()) {
            throw new FormatException(
                "%s: expected an object with a name, found %s"
                    .formatted(lines.where(), Json.brief(row)));
          }
          rows.put(row.path("name").stringValue(), object);
        } catch (FormatException e) {
          tally.failed(file.getFileName().toString(), e);
        }
      }
    }
  }

  private static void write(Path file, List<ObjectNode> rows) {
    AtomicFile.write(
        file,
        out -> {
          for (ObjectNode row : rows) {
            PythonJson.writeLine(row, out);
          }
        });
  }

  /**
   * Writes {@code pl_cfg.json} and {@code sg_cfg.json}, with which the original's pages work on
   * this folder, unless they are there.
   */
  public static void pageSettings(PatternStore store) {
    ObjectNode grid = Json.object();
    // Otherwise the page asks for //models.jsonl.
    grid.putObject("data").put("basePath", ".");
    writeNew(store.folder().resolve("pl_cfg.json"), grid);
    ObjectNode single = Json.object();
    ObjectNode data = single.putObject("data");
    ObjectNode boundary = data.putObject("tokenBoundary");
    // The page takes angle brackets for a tag.
    boundary.putArray("start").add("[BOS]");
    boundary.putArray("end");
    ObjectNode links = data.putObject("links");
    links.put("head", "index.html?models={model}&heads-{model}=L{layer}H{head}");
    links.put("prompt", "index.html?prompts={prompt_hash}");
    writeNew(store.folder().resolve("sg_cfg.json"), single);
  }

  private static void writeNew(Path file, ObjectNode value) {
    if (!Files.exists(file)) {
      PythonJson.write(value, file);
    }
  }
}
