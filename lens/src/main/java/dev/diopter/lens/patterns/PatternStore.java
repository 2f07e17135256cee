package dev.diopter.lens.patterns;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.OneLine;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A folder of attention patterns, one folder in it for each model. Nothing is read before it is
 * asked for. Threads and processes may use one folder together.
 *
 * @param folder the folder, which need not exist yet
 */
public record PatternStore(Path folder) {
  /** The folder's usual name. */
  public static final String DEFAULT_FOLDER = "attn_data";

  static final String CONFIG = "model_cfg.json";

  /** The folder of a model, by the name that {@link #folderName} makes of a name. */
  public ModelFolder model(String name) {
    String plain = folderName(name);
    return new ModelFolder(folder.resolve(plain), plain);
  }

  /**
   * The folders of all models that have a configuration, sorted by name. Names that {@link
   * #folderName} would not make are passed over.
   */
  public List<ModelFolder> models() {
    List<ModelFolder> models = new ArrayList<>();
    for (String name : list(folder)) {
      if (isPlain(name) && Files.isRegularFile(folder.resolve(name).resolve(CONFIG))) {
        models.add(new ModelFolder(folder.resolve(name), name));
      }
    }
    return models;
  }

  /**
   * The name of a model's folder: slashes become minus signs, and everything but letters, digits,
   * {@code -}, {@code _} and {@code .} becomes {@code _}. Doing it twice changes nothing more.
   *
   * @throws UsageException where the name is empty, or would begin with a dot: such a folder is
   *     hidden, and no server gives it out
   */
  public static String folderName(String name) {
    String plain = sanitized(name);
    if (!isPlain(plain)) {
      throw new UsageException(
          "expected a name for a model's folder that does not begin with a dot, got '%s'; give another one by --name"
              .formatted(name));
    }
    return plain;
  }

  static String sanitized(String name) {
    return name.replace('/', '-').replaceAll("[^a-zA-Z0-9_.-]", "_");
  }

  private static boolean isPlain(String name) {
    return !name.isEmpty() && name.equals(sanitized(name)) && !name.startsWith(".");
  }

  /** Names of what a folder has, sorted; none where there is no such folder. */
  static List<String> list(Path folder) {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        names.add(entry.getFileName().toString());
      }
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      throw FormatException.unreadable(
          folder.toString(), e instanceof IOException io ? io : new IOException(e.getCause()));
    }
    Collections.sort(names);
    return names;
  }

  /**
   * Refuses a link where a folder of its own belongs: what is deleted or written there would lie
   * elsewhere.
   *
   * @throws FormatException where it is a link
   */
  static void requireOwn(Path folder) {
    if (Files.isSymbolicLink(folder)) {
      throw new FormatException(
          folder + ": expected a folder, found a link, which is not followed; remove it");
    }
  }

  /** Takes a link away that stands where a file is to be written, so that its target stays. */
  static void removeLink(Path file) {
    if (Files.isSymbolicLink(file)) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        throw new FormatException(file + ": cannot be replaced: " + OneLine.reason(e), e);
      }
    }
  }

  /**
   * Makes a folder and those that it lies in.
   *
   * @return true where it surely is new
   */
  static boolean create(Path folder) {
    try {
      Files.createDirectory(folder);
      return true;
    } catch (IOException e) {
      try {
        Files.createDirectories(folder);
        return false;
      } catch (IOException why) {
        throw new FormatException(folder + ": cannot be made: " + OneLine.reason(why), why);
      }
    }
  }
}
