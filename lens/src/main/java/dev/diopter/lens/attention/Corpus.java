package dev.diopter.lens.attention;

import dev.diopter.formats.FormatException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Texts that can be read from their beginning, as often as wanted, one at a time. */
@FunctionalInterface
public interface Corpus {

  /** Starts at the first text. */
  Texts open();

  /** Texts one after the other; for one thread. */
  interface Texts extends AutoCloseable {
    /**
     * The next text, or null behind the last.
     *
     * @throws FormatException where the file breaks its format, with file, line and reason
     */
    @Nullable String next();

    @Override
    default void close() {}
  }

  /** Texts in memory. */
  static Corpus of(List<String> texts) {
    List<String> all = List.copyOf(texts);
    return () -> {
      Iterator<String> left = all.iterator();
      return () -> left.hasNext() ? left.next() : null;
    };
  }

  /**
   * Texts of a file or a folder. In {@code .jsonl} files each line is an object with a string
   * {@code text}; in other files each line is a text, an empty one too. A byte order mark in front
   * is passed over. Of a folder the {@code .txt} and {@code .jsonl} files are read in the order of
   * their names.
   *
   * @throws FormatException where there is nothing to read
   */
  static Corpus of(Path fileOrFolder) {
    return CorpusFiles.of(fileOrFolder);
  }
}
