package dev.diopter.models;

import dev.diopter.formats.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens tokenizers. Nothing is fetched from anywhere. */
public final class TokenizerLoader {
  private TokenizerLoader() {}

  /**
   * Opens a {@code tokenizer.json}. The caller closes it.
   *
   * @throws FormatException where the file cannot be read or is no such tokenizer
   * @throws ModelException where there is no native library for this machine
   */
  public static Tokenizer load(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new FormatException(
          file + ": expected a tokenizer.json, found none; give token ids instead of text");
    }
    try (InputStream in = Files.newInputStream(file)) {
      return load(file.toString(), in);
    } catch (IOException e) {
      throw FormatException.unreadable(file.toString(), e);
    }
  }

  /**
   * Reads a {@code tokenizer.json} from anywhere. The caller closes the tokenizer and the stream.
   *
   * @param source name of the file for messages
   * @throws FormatException where it is no such tokenizer
   * @throws ModelException where there is no native library for this machine
   */
  public static Tokenizer load(String source, InputStream in) {
    return new HuggingFaceTokenizer(source, in);
  }
}
