package dev.diopter.lens.tuned;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.OneLine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The lenses below a folder: every folder with a configuration and one of the files of parameters.
 * Nothing is fetched and no parameters are read; links to folders are not followed.
 */
public final class LensFolders {
  private static final int DEEPEST = 8;

  private LensFolders() {}

  /**
   * A lens that was found.
   *
   * @param path its folder
   * @param config what it says of itself; null where that cannot be read
   * @param problem why; null where there is none
   */
  public record Found(Path path, @Nullable LensConfig config, @Nullable String problem) {}

  /**
   * Lists them, in the order of their paths.
   *
   * @throws FormatException if there is no such folder, or it cannot be read
   */
  public static List<Found> list(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new FormatException(folder + ": expected a folder with lenses, found none");
    }
    List<Found> found = new ArrayList<>();
    try (Stream<Path> below = Files.walk(folder, DEEPEST)) {
      below
          .filter(Files::isDirectory)
          .filter(LensFolders::hasLens)
          .sorted()
          .forEach(path -> found.add(read(path)));
    } catch (IOException e) {
      throw new FormatException(folder + ": cannot be read: " + OneLine.reason(e), e);
    } catch (UncheckedIOException e) {
      throw new FormatException(
          folder + ": cannot be read: " + OneLine.reason(Objects.requireNonNull(e.getCause())), e);
    }
    return found;
  }

  private static boolean hasLens(Path folder) {
    return Files.isRegularFile(folder.resolve(LensFiles.CONFIG))
        && (Files.isRegularFile(folder.resolve(LensFiles.PARAMETERS))
            || Files.isRegularFile(folder.resolve(LensFiles.SAFETENSORS)));
  }

  private static Found read(Path folder) {
    try {
      Path config = folder.resolve(LensFiles.CONFIG);
      List<String> notes = new ArrayList<>();
      return new Found(
          folder, LensConfigFile.read(config.toString(), Json.read(config), notes), null);
    } catch (FormatException e) {
      return new Found(folder, null, String.valueOf(e.getMessage()));
    }
  }
}
