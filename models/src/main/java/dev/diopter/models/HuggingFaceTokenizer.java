package dev.diopter.models;

import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.OneLine;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * A {@code tokenizer.json}, run by the Hugging Face library. Threads may use it together; closing
 * waits for those that do, since the library would crash on a tokenizer that is gone.
 */
final class HuggingFaceTokenizer implements Tokenizer {
  private final TokenizersLibrary library = NativeTokenizers.library();
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private final Vocabulary vocabulary;
  private long handle;

  /** Reads a file, which is checked whole before the library sees it. */
  HuggingFaceTokenizer(String source, InputStream in) {
    byte[] json;
    try {
      json = in.readAllBytes();
    } catch (IOException e) {
      throw FormatException.unreadable(source, e);
    }
    vocabulary = Vocabulary.read(source, new ByteArrayInputStream(json));
    try {
      handle = library.createTokenizerFromString(new String(json, StandardCharsets.UTF_8));
    } catch (RuntimeException e) {
      throw new FormatException(
          "%s: expected a tokenizer in the Hugging Face format, found this: %s; fetch it again"
              .formatted(source, OneLine.brief(e.getMessage())),
          e);
    }
    library.disableTruncation(handle);
    library.disablePadding(handle);
  }

  @Override
  public Encoding encode(String text, boolean template) {
    // A half of a surrogate pair would become three replacement characters and shift every span
    // behind it.
    String wellFormed = TokenizerParts.isWellFormed(text) ? text : replaceHalves(text);
    long[] ids;
    long[] ofTemplate;
    CharSpan[] spans;
    lock.readLock().lock();
    try {
      long encoding = library.encode(open(), wellFormed, template);
      try {
        ids = library.getTokenIds(encoding);
        ofTemplate = library.getSpecialTokenMask(encoding);
        spans = library.getTokenCharSpans(encoding);
      } finally {
        library.deleteEncoding(encoding);
      }
    } catch (IllegalStateException e) {
      throw e;
    } catch (RuntimeException e) {
      // The library's own failures, such as a text that the vocabulary has no token for.
      throw new ModelException(
          "expected a text that the tokenizer can encode, found this: "
              + OneLine.brief(e.getMessage()),
          e);
    } finally {
      lock.readLock().unlock();
    }
    try {
      return encoding(wellFormed, ids, ofTemplate, spans);
    } catch (IndexOutOfBoundsException e) {
      throw new ModelException(
          "expected spans inside of the text from the tokenizer, got others; its file is damaged",
          e);
    }
  }

  private static Encoding encoding(String text, long[] ids, long[] ofTemplate, CharSpan[] spans) {
    int[] ints = new int[ids.length];
    int[] starts = new int[ids.length];
    int[] ends = new int[ids.length];
    CodePointIndex index = new CodePointIndex(text);
    for (int i = 0; i < ids.length; i++) {
      ints[i] = Math.toIntExact(ids[i]);
      CharSpan span = spans[i];
      // Both say so with today's library; neither is promised alone.
      boolean inText = ofTemplate[i] == 0 && span != null;
      starts[i] = inText ? index.utf16(span.getStart()) : -1;
      ends[i] = inText ? index.utf16(span.getEnd()) : -1;
    }
    return new Encoding(ints, starts, ends);
  }

  @Override
  public byte @Nullable [] bytes(int id) {
    return vocabulary.bytes(id);
  }

  @Override
  public String decode(int[] ids) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int id : ids) {
      byte[] own = vocabulary.bytes(id);
      bytes.writeBytes(
          own == null || vocabulary.isSpecial(id)
              ? label(id).getBytes(StandardCharsets.UTF_8)
              : own);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Override
  public String label(int id) {
    String token = vocabulary.token(id);
    byte[] bytes = vocabulary.bytes(id);
    if (token == null || bytes == null) {
      return "[id " + id + "]";
    }
    if (vocabulary.isSpecial(id)) {
      return token;
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return token;
    }
  }

  @Override
  public @Nullable String token(int id) {
    return vocabulary.token(id);
  }

  @Override
  public @Nullable Integer singleToken(String text) {
    if (text.isEmpty()) {
      return null;
    }
    byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = encode(text, false).ids();
    if (ids.length == 1
        && (Arrays.equals(vocabulary.bytes(ids[0]), wanted)
            || (vocabulary.isSpecial(ids[0]) && text.equals(vocabulary.token(ids[0]))))) {
      return ids[0];
    }
    // Some tokenizers put a blank in front of a text, so that the token without one never comes
    // from encoding a text alone.
    ByteArrayOutputStream joined = new ByteArrayOutputStream();
    for (int id : ids) {
      byte[] own = vocabulary.bytes(id);
      joined.writeBytes(own == null ? new byte[0] : own);
    }
    return Arrays.equals(joined.toByteArray(), wanted) ? null : vocabulary.idOf(wanted);
  }

  @Override
  public int size() {
    return vocabulary.count();
  }

  @Override
  public List<Integer> specialIds() {
    return vocabulary.specialIds();
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (handle != 0) {
        library.deleteTokenizer(handle);
        handle = 0;
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  private long open() {
    if (handle == 0) {
      throw new IllegalStateException("expected an open tokenizer, this one is closed");
    }
    return handle;
  }

  private static String replaceHalves(String text) {
    StringBuilder out = new StringBuilder(text.length());
    text.codePoints().forEach(c -> out.appendCodePoint(c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : c));
    return out.toString();
  }

  /**
   * Turns counts of code points into UTF-16 indices; near to linear for counts that mostly grow.
   */
  private static final class CodePointIndex {
    private final String text;
    private int points;
    private int chars;

    CodePointIndex(String text) {
      this.text = text;
    }

    int utf16(int codePoints) {
      chars = text.offsetByCodePoints(chars, codePoints - points);
      points = codePoints;
      return chars;
    }
  }
}
