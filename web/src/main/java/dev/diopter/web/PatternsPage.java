package dev.diopter.web;

import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * The page that shows saved patterns: files of this program, without anything from elsewhere.
 * {@link #export} writes them beside saved patterns, to be served by any web server.
 */
public final class PatternsPage {
  /** The page itself. */
  static final String INDEX = "index.html";

  /** Folder of what the page is made of, beside it. */
  static final String ASSETS = "diopter-page";

  /** A model's head scores, in its folder: what {@code attention heads --json} prints. */
  static final String HEADS = "heads.json";

  private static final String MARK = "content=\"@DIOPTER@\"";
  private static final List<String> FILES =
      List.of(
          "icon.svg",
          "style.css",
          "main.js",
          "state.js",
          "dom.js",
          "data.js",
          "npz.js",
          "patterns.js",
          "tokens.js",
          "colors.js",
          "lists.js",
          "heads.js",
          "scores.js",
          "scene.js",
          "export.js",
          "sidebar.js",
          "grid.js",
          "heatmap.js",
          "head.js",
          "compare.js",
          "table.js",
          "live.js",
          "help.js");

  private PatternsPage() {}

  /**
   * Writes the page into a folder of saved patterns. A page that is not Diopter's is not replaced.
   *
   * @return how many files were written
   * @throws FormatException where the folder is none, they cannot be written, or another page is in
   *     the way
   */
  public static int export(Path folder) {
    SavedFiles.requireFolder(folder);
    Path index = folder.resolve(INDEX);
    if (Files.exists(index) && !isOurs(index)) {
      throw new FormatException(
          "%s: expected Diopter's page or none, found another; move it away first"
              .formatted(index));
    }
    Path assets = folder.resolve(ASSETS);
    try {
      Files.createDirectories(assets);
    } catch (IOException e) {
      throw new FormatException(assets + ": cannot be made: " + OneLine.reason(e), e);
    }
    FILES.forEach(name -> write(assets.resolve(name), resource(name)));
    // Last, so that a page never stands before what it is made of.
    write(index, index(null, new SavedFiles(folder)));
    return FILES.size() + 1;
  }

  private static boolean isOurs(Path index) {
    try (InputStream in = Files.newInputStream(index)) {
      String start = new String(in.readNBytes(2000), StandardCharsets.UTF_8);
      return start.contains("<meta name=\"diopter\"");
    } catch (IOException e) {
      throw FormatException.unreadable(index.toString(), e);
    }
  }

  private static void write(Path file, byte[] bytes) {
    AtomicFile.write(file, out -> out.write(bytes));
  }

  /** The page, told what it can count on, so that it never asks for what is not there. */
  static byte[] index(@Nullable ObjectNode live, SavedFiles files) {
    ObjectNode facts = Json.object();
    if (live == null) {
      facts.putNull("live");
    } else {
      facts.set("live", live);
    }
    facts.put("models", files.has("models.jsonl"));
    // Older folders have their figure functions under another name.
    facts.put(
        "figures",
        files.has("figures.jsonl")
            ? "figures.jsonl"
            : files.has("functions.jsonl") ? "functions.jsonl" : null);
    files.modelsWithHeadScores().forEach(facts.putArray("heads")::add);
    String page = new String(resource(INDEX), StandardCharsets.UTF_8);
    return page.replace(MARK, "content=\"" + attribute(Json.compact(facts)) + "\"")
        .getBytes(StandardCharsets.UTF_8);
  }

  /** What the page is made of, by file name. */
  static Map<String, byte[]> assets() {
    Map<String, byte[]> assets = new LinkedHashMap<>();
    FILES.forEach(name -> assets.put(name, resource(name)));
    return assets;
  }

  private static String attribute(String text) {
    return text.replace("&", "&amp;")
        .replace("\"", "&quot;")
        .replace("<", "&lt;")
        .replace(">", "&gt;");
  }

  private static byte[] resource(String name) {
    try (InputStream in = PatternsPage.class.getResourceAsStream("page/" + name)) {
      if (in == null) {
        throw new IllegalStateException("the page's file " + name + " is missing from the program");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
