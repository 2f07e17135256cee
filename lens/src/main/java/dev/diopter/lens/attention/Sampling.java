package dev.diopter.lens.attention;

import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelException;

/**
 * Which tokens of a corpus are looked at. A text is cut into windows; in each, queries are sampled.
 *
 * @param minLength the smallest query index that is sampled, from 0
 * @param maxLength most tokens of a window, BOS included
 * @param stride tokens between the starts of windows over a long text; 0 for the first window alone
 * @param queryStride sample every which query; 1 for all
 * @param bos put the model's BOS id in front of each window, unless it is there
 * @param template add the special tokens of the tokenizer's own template
 * @param maxTexts read at most so many texts
 */
public record Sampling(
    int minLength,
    int maxLength,
    int stride,
    int queryStride,
    boolean bos,
    boolean template,
    int maxTexts) {

  /** As attention-data has it: queries from 10, the first 30 tokens, no BOS. */
  public static final Sampling DEFAULT = new Sampling(10, 30, 0, 1, false, true, Integer.MAX_VALUE);

  public Sampling {
    require("--min-length", minLength, 0);
    require("--max-length", maxLength, 1);
    require("--stride", stride, 0);
    require("--query-stride", queryStride, 1);
    require("--max-texts", maxTexts, 0);
    if (minLength >= maxLength) {
      throw new UsageException(
          "--min-length: expected a query index below --max-length %d, got %d"
              .formatted(maxLength, minLength));
    }
  }

  private static void require(String name, int value, int least) {
    if (value < least) {
      throw new UsageException("%s: expected %d or more, got %d".formatted(name, least, value));
    }
  }

  /** With other bounds of a window. */
  public Sampling lengths(int min, int max) {
    return new Sampling(min, max, stride, queryStride, bos, template, maxTexts);
  }

  /** With windows over long texts. */
  public Sampling stride(int tokens) {
    return new Sampling(minLength, maxLength, tokens, queryStride, bos, template, maxTexts);
  }

  /** With BOS in front of each window or not. */
  public Sampling bos(boolean wanted) {
    return new Sampling(minLength, maxLength, stride, queryStride, wanted, template, maxTexts);
  }

  /** Every which query. */
  public Sampling queryStride(int queries) {
    return new Sampling(minLength, maxLength, stride, queries, bos, template, maxTexts);
  }

  /** At most so many texts. */
  public Sampling maxTexts(int texts) {
    return new Sampling(minLength, maxLength, stride, queryStride, bos, template, texts);
  }

  /**
   * Fails where a model cannot do it.
   *
   * @throws UsageException if windows are longer than the model's context
   * @throws ModelException if BOS is asked of a model without
   */
  public void requireFits(String model, DecoderConfig config) {
    if (maxLength > config.contextLength()) {
      throw new UsageException(
          "--max-length: expected at most %d tokens, the context of %s, got %d; long texts are read in windows with --stride"
              .formatted(config.contextLength(), model, maxLength));
    }
    if (bos && config.bosId() == null) {
      throw new ModelException("%s has no BOS id: leave --bos out".formatted(model));
    }
  }
}
