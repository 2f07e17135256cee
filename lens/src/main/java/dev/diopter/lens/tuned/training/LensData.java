package dev.diopter.lens.tuned.training;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.attention.Corpus;
import dev.diopter.models.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Texts for training and evaluation, read from their files as often as they are needed and never
 * held whole. Immutable.
 */
public final class LensData {
  private final Tokenizer tokenizer;
  private final TokenChunks.Separator separator;
  private final List<Corpus> texts;
  private final int chunkSize;

  private LensData(
      Tokenizer tokenizer, TokenChunks.Separator separator, List<Corpus> texts, int chunkSize) {
    this.tokenizer = tokenizer;
    this.separator = separator;
    this.texts = texts;
    this.chunkSize = chunkSize;
  }

  /**
   * Texts of files: objects with a {@code text} of each line of a {@code .jsonl} file, the lines of
   * other files.
   *
   * @param model whose tokenizer makes the ids; its context is the longest chunk
   * @param maxLength tokens of a chunk, if the model's context has room for them
   */
  public static LensData of(Model model, List<Path> files, int maxLength) {
    return ofTexts(model, files.stream().map(Corpus::of).toList(), maxLength);
  }

  /** Texts from anywhere. */
  public static LensData ofTexts(Model model, List<Corpus> texts, int maxLength) {
    if (texts.isEmpty()) {
      throw new UsageException("expected at least one file of texts, got none");
    }
    int size = Math.min(maxLength, model.config().contextLength());
    if (size < 2) {
      throw new UsageException("expected chunks of at least 2 tokens, got " + size);
    }
    Tokenizer tokenizer = model.tokenizer();
    return new LensData(tokenizer, separator(model, tokenizer), List.copyOf(texts), size);
  }

  private static TokenChunks.Separator separator(Model model, Tokenizer tokenizer) {
    Integer id =
        model.config().eosIds().stream()
            .min(Integer::compare)
            .orElseGet(() -> tokenizer.singleToken("<|endoftext|>"));
    if (id == null) {
      id = model.config().bosId();
    }
    if (id == null) {
      throw new UsageException(
          "%s says no id that ends a text: put an eos_token_id into its config.json"
              .formatted(model.name()));
    }
    return new TokenChunks.Separator(
        id, tokenizer.decode(new int[] {id}).getBytes(StandardCharsets.UTF_8).length);
  }

  /** Tokens of a chunk. */
  public int chunkSize() {
    return chunkSize;
  }

  TokenChunks open() {
    return new TokenChunks(tokenizer, separator, texts, chunkSize);
  }

  /** The first chunks, or as many as there are. */
  public List<int[]> chunks(int most) {
    List<int[]> found = new ArrayList<>();
    try (TokenChunks chunks = open()) {
      while (found.size() < most) {
        int[] chunk = chunks.next();
        if (chunk == null) {
          break;
        }
        found.add(chunk);
      }
    }
    return found;
  }

  /**
   * What the texts hold.
   *
   * @param chunks whole chunks, at most as many as were asked for
   * @param tokens tokens that were read for them, separators and dropped ones among them
   * @param bytes their bytes as UTF-8
   * @param sha256 of the chunks' ids, in hexadecimal
   */
  public record Survey(long chunks, long tokens, long bytes, String sha256) {
    /** What turns nats per token into bits per byte. */
    public double natsToBitsPerByte() {
      return (double) tokens / bytes / Math.log(2);
    }
  }

  /** Reads the texts until there are so many chunks. */
  public Survey survey(long most) {
    MessageDigest digest = sha256();
    try (TokenChunks chunks = open()) {
      long count = 0;
      while (count < most) {
        int[] chunk = chunks.next();
        if (chunk == null) {
          break;
        }
        ByteBuffer bytes = ByteBuffer.allocate(chunk.length * Integer.BYTES);
        bytes.asIntBuffer().put(chunk);
        digest.update(bytes);
        count++;
      }
      return new Survey(
          count, chunks.tokens(), chunks.bytes(), HexFormat.of().formatHex(digest.digest()));
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }
}
