package dev.diopter.lens.patterns;

import dev.diopter.engine.UsageException;

/**
 * How patterns are recorded.
 *
 * @param bos put the model's BOS id in front of every prompt
 * @param template put BOS in front where the tokenizer's own template does; no other token of it is
 *     taken
 * @param hooks hook points to store, names or patterns with commas between them; the attention
 *     patterns must be among them
 * @param level how hard to compress, 0 (not at all) to 9; 1 to 6 are one fast way, 7 to 9 zlib's
 * @param batch most prompts in one pass
 * @param threads threads that compress and write
 * @param force make what is there already again
 */
public record RecorderOptions(
    boolean bos, boolean template, String hooks, int level, int batch, int threads, boolean force) {
  /** All attention patterns. */
  public static final String PATTERNS = "blocks.*.attn.hook_pattern";

  /** No BOS but the template's, level 6, 32 prompts in a pass, all cores. */
  public static final RecorderOptions DEFAULT =
      new RecorderOptions(
          false, true, PATTERNS, 6, 32, Runtime.getRuntime().availableProcessors(), false);

  public RecorderOptions {
    require("compression level", level, 0, 9);
    require("batch size", batch, 1, 100_000);
    require("threads", threads, 1, 1024);
  }

  static void require(String what, int value, int least, int most) {
    if (value < least || value > most) {
      throw new UsageException("%s: expected %d to %d, got %d".formatted(what, least, most, value));
    }
  }

  /** With BOS in front or not. */
  public RecorderOptions bos(boolean wanted) {
    return new RecorderOptions(wanted, template, hooks, level, batch, threads, force);
  }

  /** With the template's BOS or not. */
  public RecorderOptions template(boolean wanted) {
    return new RecorderOptions(bos, wanted, hooks, level, batch, threads, force);
  }

  /** With these hook points. */
  public RecorderOptions hooks(String wanted) {
    return new RecorderOptions(bos, template, wanted, level, batch, threads, force);
  }

  /** With this level of compression. */
  public RecorderOptions level(int wanted) {
    return new RecorderOptions(bos, template, hooks, wanted, batch, threads, force);
  }

  /** With at most so many prompts in a pass. */
  public RecorderOptions batch(int wanted) {
    return new RecorderOptions(bos, template, hooks, level, wanted, threads, force);
  }

  /** With so many threads. */
  public RecorderOptions threads(int wanted) {
    return new RecorderOptions(bos, template, hooks, level, batch, wanted, force);
  }

  /** Making everything again or not. */
  public RecorderOptions force(boolean wanted) {
    return new RecorderOptions(bos, template, hooks, level, batch, threads, wanted);
  }
}
