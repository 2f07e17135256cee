package dev.diopter.lens.tuned.training;

import dev.diopter.lens.attention.Corpus;
import dev.diopter.models.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Texts as token ids in chunks of one length, as the Python package's {@code chunk_and_tokenize}
 * packs them: a separator in front of every text, texts one after the other whatever chunk they
 * fall into, and after every 2,048 texts what does not fill a chunk is dropped. Holds one text and
 * one chunk at a time. Belongs to one thread.
 */
final class TokenChunks implements AutoCloseable {
  /** Texts after which the rest is dropped. */
  static final int BATCH = 2048;

  private final Tokenizer tokenizer;
  private final Separator separator;
  private final List<Corpus> files;
  private final int size;
  private int nextFile;
  private Corpus.@Nullable Texts texts;
  private int[] pending = new int[0];
  private int from;
  private int to;
  private int textsOfBatch;
  private long tokens;
  private long bytes;

  /**
   * What stands in front of each text.
   *
   * @param id its id
   * @param bytes how many bytes of text it counts for
   */
  record Separator(int id, int bytes) {}

  TokenChunks(Tokenizer tokenizer, Separator separator, List<Corpus> files, int size) {
    this.tokenizer = tokenizer;
    this.separator = separator;
    this.files = files;
    this.size = size;
  }

  /** The next chunk, the caller's own; null behind the last. */
  int @Nullable [] next() {
    while (to - from < size) {
      if (textsOfBatch == BATCH) {
        from = 0;
        to = 0;
        textsOfBatch = 0;
      }
      String text = text();
      if (text == null) {
        return null;
      }
      if (!text.isBlank()) {
        add(text);
      }
    }
    int[] chunk = Arrays.copyOfRange(pending, from, from + size);
    from += size;
    return chunk;
  }

  private void add(String text) {
    int[] ids = tokenizer.encode(text, false).ids();
    int left = to - from;
    int[] all = new int[left + 1 + ids.length];
    System.arraycopy(pending, from, all, 0, left);
    all[left] = separator.id();
    System.arraycopy(ids, 0, all, left + 1, ids.length);
    pending = all;
    from = 0;
    to = all.length;
    textsOfBatch++;
    tokens += 1L + ids.length;
    bytes += separator.bytes() + text.getBytes(StandardCharsets.UTF_8).length;
  }

  private @Nullable String text() {
    while (true) {
      if (texts == null) {
        if (nextFile == files.size()) {
          return null;
        }
        texts = files.get(nextFile++).open();
      }
      String text = texts.next();
      if (text != null) {
        return text;
      }
      close();
    }
  }

  /** Tokens of the texts read so far, separators and what was dropped among them. */
  long tokens() {
    return tokens;
  }

  /** Bytes of the texts read so far as UTF-8, the separators' among them. */
  long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    if (texts != null) {
      texts.close();
      texts = null;
    }
  }
}
