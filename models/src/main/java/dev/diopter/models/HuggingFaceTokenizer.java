package dev.diopter.models;

import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.OneLine;
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
  private final String source;
  private final TokenizerLoader.Opener opener;
  private final TokenizersLibrary library = NativeTokenizers.library();
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private long handle;
  private volatile @Nullable Vocabulary vocabulary;

  HuggingFaceTokenizer(String source, TokenizerLoader.Opener opener) {
    this.source = source;
    this.opener = opener;
    String json = readText();
    try {
      handle = library.createTokenizerFromString(json);
    } catch (RuntimeException e) {
      throw new FormatException(
          "%s: expected a tokenizer in the Hugging Face format, found this: %s; fetch it again"
              .formatted(source, OneLine.brief(e.getMessage())),
          e);
    }
    library.disableTruncation(handle);
    library.disablePadding(handle);
  }

  private String readText() {
    try (InputStream in = opener.open()) {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(in.readAllBytes()))
          .toString();
    } catch (CharacterCodingException e) {
      throw new FormatException(
          source + ": expected UTF-8, found malformed bytes; fetch it again", e);
    } catch (IOException e) {
      throw FormatException.unreadable(source, e);
    }
  }

  @Override
  public Encoding encode(String text, boolean template) {
    // A half of a surrogate pair would become three replacement characters and shift every span
    // behind it.
    String wellFormed = wellFormed(text);
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
    } finally {
      lock.readLock().unlock();
    }
    return encoding(wellFormed, ids, ofTemplate, spans);
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
    return vocabulary().bytes(id);
  }

  @Override
  public String decode(int[] ids) {
    Vocabulary known = vocabulary();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int id : ids) {
      byte[] own = known.bytes(id);
      bytes.writeBytes(
          own == null || known.isSpecial(id) ? label(id).getBytes(StandardCharsets.UTF_8) : own);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Override
  public String label(int id) {
    Vocabulary known = vocabulary();
    String token = known.token(id);
    byte[] bytes = known.bytes(id);
    if (token == null || bytes == null) {
      return "[id " + id + "]";
    }
    if (known.isSpecial(id)) {
      return token;
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return token;
    }
  }

  @Override
  public @Nullable Integer singleToken(String text) {
    if (text.isEmpty()) {
      return null;
    }
    byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = encode(text, false).ids();
    Vocabulary known = vocabulary();
    if (ids.length == 1
        && (Arrays.equals(known.bytes(ids[0]), wanted)
            || (known.isSpecial(ids[0]) && text.equals(known.token(ids[0]))))) {
      return ids[0];
    }
    // Some tokenizers put a blank in front of a text, so that the token without one never comes
    // from encoding a text alone.
    ByteArrayOutputStream joined = new ByteArrayOutputStream();
    for (int id : ids) {
      byte[] own = known.bytes(id);
      joined.writeBytes(own == null ? new byte[0] : own);
    }
    return Arrays.equals(joined.toByteArray(), wanted) ? null : known.idOf(wanted);
  }

  @Override
  public int size() {
    return vocabulary().count();
  }

  @Override
  public List<Integer> specialIds() {
    return vocabulary().specialIds();
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

  /** Read when first asked for: encoding a prompt needs none of it. */
  private Vocabulary vocabulary() {
    Vocabulary known = vocabulary;
    if (known == null) {
      synchronized (this) {
        known = vocabulary;
        if (known == null) {
          try (InputStream in = opener.open()) {
            known = Vocabulary.read(source, in);
          } catch (IOException e) {
            throw FormatException.unreadable(source, e);
          }
          vocabulary = known;
        }
      }
    }
    return known;
  }

  private static String wellFormed(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        return replaceHalves(text);
      }
    }
    return text;
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
