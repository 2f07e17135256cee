package dev.diopter.lens.attention;

import dev.diopter.engine.Model;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.Tokenizer;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Cuts a corpus into windows, one text at a time. */
final class Windows implements AutoCloseable {
  /** Characters that a token has at most, nearly always; a text is cut there before tokenising. */
  private static final int CHARACTERS_PER_TOKEN = 64;

  private static final int LEAST_CHARACTERS = 4096;

  private final Tokenizer tokenizer;
  private final DecoderConfig config;
  private final Sampling sampling;
  private final Corpus.Texts texts;
  private final int paddedTo;
  private final int padId;
  private final IntConsumer progress;

  /** Texts read, the current one included. */
  private int text;

  /** The ids of the text that is being cut. */
  private int @Nullable [] current;

  private boolean bos;
  private long nextStart;

  private Windows(
      Model model,
      Corpus corpus,
      Sampling sampling,
      int paddedTo,
      int padId,
      IntConsumer progress) {
    this.tokenizer = model.tokenizer();
    this.config = model.config();
    this.sampling = sampling;
    this.paddedTo = paddedTo;
    this.padId = padId;
    this.progress = progress;
    this.texts = corpus.open();
  }

  /**
   * Windows as they are.
   *
   * @param progress hears how many texts were read
   */
  static Windows of(Model model, Corpus corpus, Sampling sampling, IntConsumer progress) {
    return new Windows(model, corpus, sampling, 0, 0, progress);
  }

  /**
   * The original's batch: each text cut to the longest of the corpus or the maximum, padded to it;
   * its length ends at the first id that equals the padding. Reads the corpus twice.
   */
  static Windows padded(
      Model model, Corpus corpus, Sampling sampling, int padId, IntConsumer progress) {
    int longest = 0;
    try (Windows lengths = of(model, corpus, sampling, _ -> {})) {
      for (Window w = lengths.next(); w != null && longest < sampling.maxLength(); ) {
        longest = Math.max(longest, w.length());
        w = lengths.next();
      }
    }
    return new Windows(model, corpus, sampling, longest, padId, progress);
  }

  /**
   * The next window, or null behind the last. Windows are cut one by one, since with a small stride
   * those of a long text would fill the memory.
   */
  @Nullable Window next() {
    int step = sampling.stride() == 0 ? Integer.MAX_VALUE : sampling.stride();
    while (more()) {
      int[] all = Objects.requireNonNull(current);
      long start = nextStart;
      nextStart += step;
      Window window = window(text - 1, (int) start, all, bos);
      if (start > 0 && window.length() <= sampling.minLength()) {
        current = null; // What is left gives no sample.
      } else if (window.ids().length > 0) {
        return window;
      }
    }
    return null;
  }

  /** Whether there is a place to cut: in this text, or in the next, which is read then. */
  private boolean more() {
    if (current != null && (nextStart < current.length || nextStart == 0)) {
      return true;
    }
    String read = text < sampling.maxTexts() ? texts.next() : null;
    if (read == null) {
      current = null;
      return false;
    }
    current = encode(read);
    bos = sampling.bos() || (current.length > 0 && isBos(current[0]));
    nextStart = 0;
    text++;
    progress.accept(text);
    return true;
  }

  private Window window(int index, int start, int[] all, boolean bos) {
    boolean add = bos && (start >= all.length || !isBos(all[start]));
    int tokens = Math.min(all.length - start + (add ? 1 : 0), sampling.maxLength());
    int[] ids = new int[Math.max(tokens, paddedTo)];
    if (add && ids.length > 0) {
      ids[0] = Objects.requireNonNull(config.bosId());
    }
    int from = add ? 1 : 0;
    System.arraycopy(all, start, ids, from, Math.max(0, tokens - from));
    if (paddedTo == 0) {
      return new Window(index, start, ids, tokens);
    }
    Arrays.fill(ids, tokens, ids.length, padId);
    int length = 0;
    while (length < ids.length && ids[length] != padId) {
      length++;
    }
    return new Window(index, start, ids, length);
  }

  private boolean isBos(int id) {
    Integer bos = config.bosId();
    return bos != null && bos == id;
  }

  /**
   * Ids of a text. Where only its beginning is wanted, a long text is cut first, far behind the
   * last token that counts.
   */
  private int[] encode(String read) {
    int enough =
        (int)
            Math.min(
                Integer.MAX_VALUE,
                LEAST_CHARACTERS + (long) sampling.maxLength() * CHARACTERS_PER_TOKEN);
    if (sampling.stride() == 0 && read.length() > enough) {
      int cut = Character.isHighSurrogate(read.charAt(enough - 1)) ? enough - 1 : enough;
      int[] ids = tokenizer.encode(read.substring(0, cut), sampling.template()).ids();
      if (ids.length / 2 > sampling.maxLength()) {
        return ids;
      }
    }
    return tokenizer.encode(read, sampling.template()).ids();
  }

  @Override
  public void close() {
    texts.close();
  }
}
