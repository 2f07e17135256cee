package dev.diopter.engine;

/**
 * One hook point of a model.
 *
 * @param site its kind
 * @param layer its block, or -1 for points outside the blocks
 */
public record HookPoint(Site site, int layer) {

  public HookPoint {
    if (site.inBlock() != layer >= 0) {
      throw new IllegalArgumentException(
          "expected a layer exactly for points of a block, got %s with layer %d"
              .formatted(site, layer));
    }
  }

  /** A point outside the blocks. */
  public static HookPoint of(Site site) {
    return new HookPoint(site, -1);
  }

  /** The canonical name, for example {@code blocks.3.attn.hook_pattern}. */
  public String name() {
    return site.template().replace("{l}", Integer.toString(layer));
  }

  @Override
  public String toString() {
    return name();
  }
}
