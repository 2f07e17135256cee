package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The vectors that a specification names, one after the other.
 *
 * @param entry the block whose input the layer is: its output's number plus 1; {@link
 *     Mapping.Route#FINAL} behind the final norm
 * @param branchEntry the block that a pass must enter to be changed here
 * @param positions absolute position of each vector
 * @param heads head of each vector; empty for the residual stream
 * @param shape numbers of positions and of heads; one number where they go together
 * @param width numbers in a vector
 */
record Slots(int entry, int branchEntry, int[] positions, int[] heads, int[] shape, int width) {
  private static final String FINAL = "unembed.hook_in";

  static Slots of(
      String side, Model model, Input input, Positions where, Layer layer, Heads heads) {
    DecoderConfig config = model.config();
    int entry = layer.entry(config, side);
    int[] at = where.resolve(input, model, side);
    if (heads.isNone()) {
      int branch = Math.min(entry, config.layers());
      return new Slots(entry, branch, at, new int[0], new int[] {at.length}, config.width());
    }
    if (entry == 0 || entry == Mapping.Route.FINAL) {
      throw new UsageException(
          "%1$s layer: heads are those of a block, got %2$s: give blocks alone, such as 0-%3$d (all of them: blocks)"
              .formatted(side, layer.label(), config.layers() - 1));
    }
    int[] chosen = heads.resolve(config.heads(), side);
    int width = config.headDim();
    if (heads.zip()) {
      if (chosen.length != at.length) {
        throw new UsageException(
            "%s heads: expected one for each of %d positions, got %d"
                .formatted(side, at.length, chosen.length));
      }
      return new Slots(entry, entry - 1, at, chosen, new int[] {at.length}, width);
    }
    int n = chosen.length;
    int[] positions = IntStream.range(0, at.length * n).map(i -> at[i / n]).toArray();
    int[] each = IntStream.range(0, at.length * n).map(i -> chosen[i % n]).toArray();
    if (IntStream.of(chosen).distinct().count() != n) {
      throw new UsageException(side + " head: a head is given twice");
    }
    return new Slots(entry, entry - 1, positions, each, new int[] {at.length, n}, width);
  }

  int count() {
    return positions.length;
  }

  boolean onHeads() {
    return heads.length > 0;
  }

  int first() {
    return Arrays.stream(positions).min().orElseThrow();
  }

  int last() {
    return positions[positions.length - 1];
  }

  boolean isFinal() {
    return entry == Mapping.Route.FINAL;
  }

  /** Whether the places are in the stream that a branch brings along; hooks write the others. */
  boolean inStream() {
    return !onHeads() && !isFinal();
  }

  /** The hook point. */
  String site(int layers) {
    return onHeads() ? "blocks.%d.attn.hook_z".formatted(entry - 1) : residual(entry, layers);
  }

  static String residual(int entry, int layers) {
    if (entry == Mapping.Route.FINAL) {
      return FINAL;
    }
    return entry < layers
        ? "blocks.%d.hook_resid_pre".formatted(entry)
        : "blocks.%d.hook_resid_post".formatted(layers - 1);
  }

  static String label(int entry) {
    return Layer.ofEntry(entry).label();
  }
}
