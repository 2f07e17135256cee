package dev.diopter.web;

import dev.diopter.formats.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The folder of saved patterns, and which of its files may be seen: data of known kinds that lie
 * inside it, links followed, none of them hidden. Nothing in it is ever served as a page or a
 * script.
 */
final class SavedFiles {
  /** Content types by the end of the name. */
  private static final Map<String, String> TYPES =
      Map.of(
          "json", "application/json",
          "jsonl", "application/jsonl",
          "npz", "application/zip",
          "npy", "application/octet-stream",
          "png", "image/png",
          "svg", "image/svg+xml",
          "svgz", "image/svg+xml",
          "csv", "text/csv;charset=utf-8",
          "txt", "text/plain;charset=utf-8");

  private final Path root;

  /** A folder that exists, links resolved. */
  SavedFiles(Path root) {
    this.root = root;
  }

  /**
   * Refuses what is no folder.
   *
   * @throws FormatException where it is a file or not there
   */
  static void requireFolder(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new FormatException(
          "%s: expected a folder of saved patterns, found %s"
              .formatted(folder, Files.exists(folder) ? "a file" : "nothing"));
    }
  }

  /** A file that may be sent. */
  record Saved(Path path, String type) {
    boolean compressed() {
      return path.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".svgz");
    }
  }

  /**
   * The file of a decoded request path, whose segments are separated by any number of slashes. None
   * of them may be hidden, and neither may be what links lead through.
   *
   * @throws Refusal where there is none that may be seen
   */
  Saved find(String path) {
    List<String> names = segments(path);
    String last = names.isEmpty() ? "" : names.getLast();
    String type = TYPES.get(last.substring(last.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT));
    if (type == null || names.stream().anyMatch(SavedFiles::isHidden)) {
      throw notFound(path);
    }
    try {
      Path file = root;
      for (String name : names) {
        file = file.resolve(name);
      }
      if (!Files.exists(file)) {
        throw notFound(path);
      }
      Path real = file.toRealPath();
      if (!real.startsWith(root)) {
        throw new Refusal(403, path + ": leads out of the folder that is served");
      }
      for (Path name : root.relativize(real)) {
        if (isHidden(name.toString())) {
          throw new Refusal(403, path + ": leads to a hidden file or folder");
        }
      }
      if (!Files.isRegularFile(real, LinkOption.NOFOLLOW_LINKS)) {
        throw notFound(path);
      }
      return new Saved(real, type);
    } catch (InvalidPathException e) {
      throw notFound(path);
    } catch (IOException e) {
      throw new Refusal(404, path + ": cannot be read");
    }
  }

  private static boolean isHidden(String name) {
    return name.startsWith(".");
  }

  /** Whether a file lies directly in the folder. */
  boolean has(String name) {
    return Files.isRegularFile(root.resolve(name));
  }

  /** Models beside which a table of head scores lies, by the names of their folders. */
  List<String> modelsWithHeadScores() {
    try (Stream<Path> folders = Files.list(root)) {
      return folders
          .filter(folder -> Files.isRegularFile(folder.resolve(PatternsPage.HEADS)))
          .map(folder -> folder.getFileName().toString())
          .sorted()
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  private static List<String> segments(String path) {
    List<String> names = new ArrayList<>();
    for (String name : path.split("/", -1)) {
      if (name.isEmpty()) {
        continue;
      }
      boolean odd = name.chars().anyMatch(c -> c == '\\' || c < ' ' || c == 0x7F);
      if (odd || name.equals(".") || name.equals("..")) {
        throw new Refusal(403, path + ": expected plain names between the slashes");
      }
      names.add(name);
    }
    return names;
  }

  private static Refusal notFound(String path) {
    return new Refusal(404, path + ": no such file of saved patterns");
  }
}
