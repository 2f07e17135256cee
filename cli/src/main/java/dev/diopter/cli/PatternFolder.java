package dev.diopter.cli;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.lens.patterns.ModelFolder;
import dev.diopter.lens.patterns.PatternStore;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where patterns are stored. */
final class PatternFolder {
  @Option(
      names = {"-s", "--save-path"},
      paramLabel = "DIR",
      description = "The folder of all patterns; attn_data unless given.")
  private Path folder = Path.of(PatternStore.DEFAULT_FOLDER);

  /** The folder. */
  PatternStore store() {
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new UsageException("--save-path: expected a folder, got the file " + folder);
    }
    return new PatternStore(folder);
  }

  /** The folder of a model: of the name given, or of the one that its own name makes. */
  ModelFolder model(String model, @Nullable String name) {
    return store().model(name == null ? usualName(model) : name);
  }

  /**
   * The folders of one model, or of all that are stored where none is named.
   *
   * @throws FormatException where the one that is named is not stored
   */
  List<ModelFolder> stored(@Nullable String model) {
    if (model == null) {
      return store().models();
    }
    ModelFolder folder = model(model, null);
    folder.config();
    return List.of(folder);
  }

  /**
   * A checkpoint folder's last name; otherwise the whole name, for GPT-2 as TransformerLens calls
   * it, which is where pattern-lens looks for it.
   */
  private static String usualName(String model) {
    if (model.equals("gpt2") || model.equals("openai-community/gpt2")) {
      return "gpt2-small";
    }
    try {
      Path path = Path.of(model);
      if (Files.isDirectory(path)) {
        return String.valueOf(path.toAbsolutePath().normalize().getFileName());
      }
    } catch (InvalidPathException e) {
      // Then it is no folder.
    }
    return model;
  }
}
