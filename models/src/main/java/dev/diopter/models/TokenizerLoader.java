package dev.diopter.models;

import dev.diopter.formats.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens tokenizers. Nothing is fetched from anywhere. */
public final class TokenizerLoader {
  private TokenizerLoader() {}

  /** Opens the bytes of a {@code tokenizer.json}; may be called again later. */
  @FunctionalInterface
  public interface Opener {
    /** A new stream from the first byte. */
    InputStream open() throws IOException;
  }

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
    return load(file.toString(), () -> Files.newInputStream(file));
  }

  /**
   * Opens a {@code tokenizer.json} from anywhere. The caller closes the tokenizer.
   *
   * @param source name of the file for messages
   * @param opener gives its bytes, now and again when labels are first asked for
   */
  public static Tokenizer load(String source, Opener opener) {
    return new HuggingFaceTokenizer(source, opener);
  }
}
