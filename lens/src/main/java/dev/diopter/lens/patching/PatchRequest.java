package dev.diopter.lens.patching;

import dev.diopter.engine.Prompt;
import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;

/**
 * What to sweep, as a value.
 *
 * @param clean the prompt whose answer is right
 * @param corrupt the prompt of the same number of tokens whose answer is another
 * @param sites what to patch, each once
 * @param metric what to measure
 * @param direction which run's values go into which
 * @param memoryBytes about how much memory the cells that run together may take
 */
public record PatchRequest(
    Prompt clean,
    Prompt corrupt,
    List<PatchSite> sites,
    PatchMetric metric,
    Direction direction,
    long memoryBytes) {

  /** Memory for cells that run together, unless told otherwise. */
  public static final long MEMORY_BYTES = 256L << 20;

  /** Which run is patched. */
  public enum Direction {
    /** Clean values into the corrupt run: what is enough to bring the answer back? */
    DENOISE,
    /** Corrupt values into the clean run: what is needed for the answer? */
    NOISE
  }

  public PatchRequest {
    sites = List.copyOf(new LinkedHashSet<>(sites));
    requireEqualLengths(clean, corrupt);
    if (memoryBytes < 1) {
      throw new UsageException("memory: expected at least 1 byte, got " + memoryBytes);
    }
  }

  /** Clean values into the corrupt run. */
  public static PatchRequest of(
      Prompt clean, Prompt corrupt, PatchMetric metric, PatchSite... sites) {
    return new PatchRequest(
        clean, corrupt, List.of(sites), metric, Direction.DENOISE, MEMORY_BYTES);
  }

  /** In this direction. */
  public PatchRequest direction(Direction which) {
    return new PatchRequest(clean, corrupt, sites, metric, which, memoryBytes);
  }

  /** With about so much memory for cells that run together. */
  public PatchRequest memory(long bytes) {
    return new PatchRequest(clean, corrupt, sites, metric, direction, bytes);
  }

  /** The most that it costs, known before anything runs: {@link PatchCost#most}. */
  public PatchCost most(DecoderConfig config) {
    metric.requireFits(config.vocabulary());
    return PatchCost.most(config, clean.length(), shared(clean, corrupt), sites);
  }

  /** Tokens at the beginning that two prompts have in common. */
  static int shared(Prompt a, Prompt b) {
    int differs = Arrays.mismatch(a.ids(), b.ids());
    return differs < 0 ? a.length() : differs;
  }

  /** The prompt that is patched. */
  public Prompt base() {
    return direction == Direction.DENOISE ? corrupt : clean;
  }

  /** The prompt whose values are put in. */
  public Prompt source() {
    return direction == Direction.DENOISE ? clean : corrupt;
  }

  static void requireEqualLengths(Prompt clean, Prompt corrupt) {
    if (clean.length() != corrupt.length()) {
      throw new UsageException(
          "expected prompts of the same number of tokens, since values are patched position by position; the clean one has %d, the corrupt one %d"
              .formatted(clean.length(), corrupt.length()));
    }
  }
}
