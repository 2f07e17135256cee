package dev.diopter.lens.patchscope;

import dev.diopter.models.DecoderConfig;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Vectors from a source, mapped, into a target. An immutable value. As many vectors as the target
 * has places, or one for all of them.
 *
 * @param source where they come from
 * @param mapping what is done to each
 * @param target where they go
 * @param truth by what another source says behind its last position what comes out is measured, as
 *     that of a control by its patch's source; null for its own source
 */
public record Patch(Source source, Mapping mapping, Target target, @Nullable Source truth) {

  /** Measured by its own source. */
  public Patch(Source source, Mapping mapping, Target target) {
    this(source, mapping, target, null);
  }

  /** Without a mapping. */
  public static Patch of(Source source, Target target) {
    return new Patch(source, Mapping.IDENTITY, target);
  }

  /**
   * As the paper's code does it, whose vectors of the last block are those behind the final norm:
   * such a source is taken from there, and where the target is the last block, too, it is written
   * there; into any other block it goes as it is. Other patches stay as they are.
   */
  public Patch paperCompat() {
    if (!isLast(source.model().config(), source.layer(), source.heads())) {
      return this;
    }
    boolean both = isLast(target.model().config(), target.layer(), target.heads());
    return new Patch(
        source.layer(Layer.FINAL), mapping, both ? target.layer(Layer.FINAL) : target, truth);
  }

  private static boolean isLast(DecoderConfig config, Layer layer, Heads heads) {
    return heads.isNone()
        && layer.isBlock()
        && (layer.block() == -1 || layer.block() == config.layers() - 1);
  }

  /** Vectors as the mapping gives them between this patch's layers. */
  public float[][] map(float[][] vectors) {
    Mapping.Route route =
        new Mapping.Route(
            source.layer().entry(source.model().config(), "source"),
            target.layer().entry(target.model().config(), "target"));
    return Arrays.stream(vectors).map(v -> mapping.apply(v, route)).toArray(float[][]::new);
  }

  /** With another source. */
  public Patch source(Source other) {
    return new Patch(other, mapping, target, truth);
  }

  /** With another mapping. */
  public Patch mapping(Mapping other) {
    return new Patch(source, other, target, truth);
  }

  /** With another target. */
  public Patch target(Target other) {
    return new Patch(source, mapping, other, truth);
  }

  /** The source that it is measured by: its own unless it was given another. */
  public Source measure() {
    return truth == null ? source : truth;
  }

  /** Measured by what another source says, wherever its vectors are from. */
  public Patch measuredBy(Source other) {
    return new Patch(source, mapping, target, other);
  }
}
