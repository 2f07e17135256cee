package dev.diopter.lens.tuned;

import dev.diopter.engine.UsageException;
import java.util.Arrays;

/** The residual stream that a lens reads: layer l of a lens belongs to this point of block l. */
public enum LensSite {
  /** The stream that enters the block; the only one that the Python package trains on. */
  RESID_PRE("resid_pre"),
  /** The stream between attention and MLP. */
  RESID_MID("resid_mid"),
  /** The stream that leaves the block. */
  RESID_POST("resid_post");

  private final String label;

  LensSite(String label) {
    this.label = label;
  }

  /** Its name in files and on the command line: {@code resid_pre}. */
  public String label() {
    return label;
  }

  /** The hook point of a block: {@code blocks.3.hook_resid_pre}. */
  public String hook(int layer) {
    return "blocks.%d.hook_%s".formatted(layer, label);
  }

  /** The points of all blocks: {@code blocks.*.hook_resid_pre}. */
  public String hooks() {
    return "blocks.*.hook_" + label;
  }

  /**
   * The site of that name.
   *
   * @throws UsageException if there is none
   */
  public static LensSite of(String label) {
    for (LensSite site : values()) {
      if (site.label.equals(label)) {
        return site;
      }
    }
    throw new UsageException(
        "lens site: expected one of %s, got '%s'"
            .formatted(Arrays.stream(values()).map(LensSite::label).toList(), label));
  }
}
