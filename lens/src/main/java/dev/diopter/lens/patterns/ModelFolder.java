package dev.diopter.lens.patterns;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.Npz;
import dev.diopter.formats.NpzWriter;
import dev.diopter.formats.OneLine;
import dev.diopter.formats.PythonJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * The folder of one model: {@code model_cfg.json}, {@code prompts.jsonl}, and for each prompt
 * {@code prompts/HASH} with {@code prompt.json}, {@code activations.npz} and figures. A prompt is
 * there if both files are, and {@code prompt.json} is written last.
 *
 * @param folder the folder
 * @param name its name, as {@link PatternStore#folderName} makes it
 */
public record ModelFolder(Path folder, String name) {
  static final String PROMPT = "prompt.json";
  static final String ARRAYS = "activations.npz";
  private static final int FAST_LEVEL = 6;

  /** The file of the configuration. */
  Path configFile() {
    return folder.resolve(PatternStore.CONFIG);
  }

  /** The file of what this program alone says of the model. */
  Path ownFile() {
    return folder.resolve("diopter.json");
  }

  /** The file that lists all prompts. */
  Path promptsFile() {
    return folder.resolve("prompts.jsonl");
  }

  /** The folder of a prompt. */
  public Path promptFolder(PatternPrompt prompt) {
    return promptFolder(prompt.hash());
  }

  /** The folder of a hash, which must be one: {@link PatternPrompt#isHash}. */
  Path promptFolder(String hash) {
    return folder.resolve("prompts").resolve(hash);
  }

  /**
   * What is known of the model.
   *
   * @throws FormatException where nothing is, or what is known is broken
   */
  public StoredModel config() {
    return StoredModel.read(configFile());
  }

  /** Hashes of the prompts that are there, sorted. */
  public List<String> hashes() {
    List<String> hashes = new ArrayList<>();
    for (String name : PatternStore.list(folder.resolve("prompts"))) {
      if (PatternPrompt.isHash(name) && isComplete(promptFolder(name))) {
        hashes.add(name);
      }
    }
    return hashes;
  }

  private static boolean isComplete(Path prompt) {
    return Files.isRegularFile(prompt.resolve(PROMPT))
        && Files.isRegularFile(prompt.resolve(ARRAYS));
  }

  /**
   * A stored prompt.
   *
   * @throws PatternsMissingException where there is none
   * @throws PatternsMismatchException where its hash is not the folder's name
   * @throws FormatException where it is broken
   */
  public PatternPrompt prompt(String hash) {
    if (!PatternPrompt.isHash(hash)) {
      throw new InvalidPromptException(
          "expected a hash of letters, digits, - and _, got " + OneLine.quoted(hash));
    }
    Path file = promptFolder(hash).resolve(PROMPT);
    if (!Files.isRegularFile(file)) {
      throw new PatternsMissingException(
          file + ": expected a stored prompt, found none; run patterns activations first");
    }
    PatternPrompt stored = PatternPrompt.of(file.toString(), Json.read(file));
    if (!stored.hash().equals(hash)) {
      throw new PatternsMismatchException(
          "%s: expected the hash of its folder, found %s; remove the folder"
              .formatted(file, OneLine.quoted(stored.hash())));
    }
    return stored;
  }

  /**
   * Whether a prompt is stored whole. An array file that cannot be opened, as other programs leave
   * it when they are killed, counts as none.
   *
   * @throws PatternsMismatchException where another one is stored under its hash
   */
  public boolean has(PatternPrompt prompt) {
    return has(prompt, List.of());
  }

  /** The same, and all of these arrays among what is stored. */
  boolean has(PatternPrompt prompt, Collection<String> arrays) {
    Path place = promptFolder(prompt);
    if (!isComplete(place)) {
      return false;
    }
    try {
      prompt.requireSame(prompt(prompt.hash()));
      try (Npz stored = Npz.open(place.resolve(ARRAYS))) {
        return stored.names().containsAll(arrays);
      }
    } catch (PatternsMismatchException e) {
      throw e;
    } catch (FormatException e) {
      return false; // Left by a program that was killed: to be made again.
    }
  }

  /**
   * Opens the patterns of a prompt, which the caller closes.
   *
   * @throws PatternsMissingException where they are not stored
   * @throws PatternsMismatchException where another prompt is stored under its hash
   * @throws FormatException where the files are broken
   */
  public StoredPatterns load(PatternPrompt prompt) {
    PatternPrompt stored = prompt(prompt.hash());
    prompt.requireSame(stored);
    Path arrays = promptFolder(prompt).resolve(ARRAYS);
    if (!Files.isRegularFile(arrays)) {
      throw new PatternsMissingException(
          arrays + ": expected stored patterns, found none; run patterns activations first");
    }
    return StoredPatterns.open(stored, arrays);
  }

  /** Opens the patterns of a prompt that {@link #prompt} gave. */
  StoredPatterns open(PatternPrompt stored) {
    return StoredPatterns.open(stored, promptFolder(stored).resolve(ARRAYS));
  }

  /**
   * Stores a prompt and its arrays. What was stored under its hash is gone first, its figures too:
   * they would show something else. Links are not followed.
   *
   * @param level how hard to compress, 0 (not at all) to 9
   * @throws FormatException where it cannot be written, or a folder in it is a link
   */
  void write(PatternPrompt prompt, int level, NpzWriter.Content arrays) {
    Path place = promptFolder(prompt);
    PatternStore.requireOwn(place);
    try {
      if (Files.isDirectory(place)) {
        // All are looked at before the first is gone: a refusal leaves everything as it was.
        List<Path> figures = figures(place);
        Files.deleteIfExists(place.resolve(PROMPT));
        for (Path figure : figures) {
          Files.deleteIfExists(figure);
        }
      }
      PatternStore.create(place);
    } catch (IOException e) {
      throw new FormatException(place + ": cannot be replaced: " + OneLine.reason(e), e);
    }
    PatternStore.removeLink(place.resolve(ARRAYS));
    NpzWriter.write(place.resolve(ARRAYS), packing(level), level, arrays);
    PythonJson.write(prompt.json(), place.resolve(PROMPT));
  }

  /** Up to zlib's usual level the fast way, which gives files of about its size. */
  private static NpzWriter.Packing packing(int level) {
    return level == 0
        ? NpzWriter.Packing.STORED
        : level <= FAST_LEVEL ? NpzWriter.Packing.RUNS : NpzWriter.Packing.DEFLATED;
  }

  private static List<Path> figures(Path place) {
    List<Path> all = new ArrayList<>();
    for (String layer : PatternStore.list(place)) {
      if (!layer.matches("L[0-9]+")) {
        continue;
      }
      PatternStore.requireOwn(place.resolve(layer));
      for (String head : PatternStore.list(place.resolve(layer))) {
        if (head.matches("H[0-9]+")) {
          Path figures = place.resolve(layer).resolve(head);
          PatternStore.requireOwn(figures);
          for (String figure : PatternStore.list(figures)) {
            if (HeadFigures.isFigure(figure)) {
              all.add(figures.resolve(figure));
            }
          }
        }
      }
    }
    return all;
  }
}
