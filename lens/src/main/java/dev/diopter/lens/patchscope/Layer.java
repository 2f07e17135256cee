package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A place in the residual stream: behind a block, in front of the first one, or behind the final
 * norm. A value, the same for any model.
 *
 * @param block the block whose output it is; negative numbers count from the last block
 */
public record Layer(int block) {
  /** The residual stream in front of the first block. */
  public static final Layer EMBED = new Layer(Integer.MIN_VALUE);

  /** The output of the last block, in front of the final norm. */
  public static final Layer LAST = new Layer(-1);

  /** What the unembedding takes: the output of the final norm, its gain and bias included. */
  public static final Layer FINAL = new Layer(Integer.MAX_VALUE);

  /** The output of a block; negative numbers count from the last. */
  public static Layer of(int block) {
    return new Layer(block);
  }

  /** By the numbers of the paper, which counts what is in front of the first block as 0. */
  public static Layer paper(int layer) {
    if (layer < 0) {
      throw new UsageException("paper layer: expected 0 or more, got " + layer);
    }
    return layer == 0 ? EMBED : new Layer(layer - 1);
  }

  /** By the block whose input it is, as in {@link Mapping.Route}. */
  public static Layer ofEntry(int entry) {
    return entry == 0
        ? EMBED
        : entry == Mapping.Route.FINAL ? FINAL : new Layer(Math.subtractExact(entry, 1));
  }

  /** {@link #EMBED} and all blocks of a model. */
  public static List<Layer> all(DecoderConfig config) {
    List<Layer> all = new ArrayList<>(List.of(EMBED));
    all.addAll(blocks(config));
    return List.copyOf(all);
  }

  /** All blocks of a model. */
  public static List<Layer> blocks(DecoderConfig config) {
    return IntStream.range(0, config.layers()).mapToObj(Layer::new).toList();
  }

  /**
   * The block whose input this is: 0 for {@link #EMBED}, the number of layers for the last block's
   * output, {@link Mapping.Route#FINAL} for {@link #FINAL}.
   *
   * @param side what errors call it
   * @throws UsageException where the model has no such block
   */
  public int entry(DecoderConfig config, String side) {
    if (equals(EMBED)) {
      return 0;
    }
    if (equals(FINAL)) {
      return Mapping.Route.FINAL;
    }
    int layers = config.layers();
    int found = block < 0 ? block + layers : block;
    if (found < 0 || found >= layers) {
      throw new UsageException(
          "%s layer: expected embed, final, 0 to %d or -1 to -%d, got %d"
              .formatted(side, layers - 1, layers, block));
    }
    return found + 1;
  }

  /** {@code embed}, {@code final} or the number. */
  public String label() {
    return equals(EMBED) ? "embed" : equals(FINAL) ? "final" : Integer.toString(block);
  }

  /** Whether it is the output of a block. */
  boolean isBlock() {
    return !equals(EMBED) && !equals(FINAL);
  }

  @Override
  public String toString() {
    return label();
  }

  /** Reads {@code embed}, {@code final} or a number. */
  public static Layer parse(String text) {
    if (text.strip().equals("embed")) {
      return EMBED;
    }
    if (text.strip().equals("final")) {
      return FINAL;
    }
    return new Layer(Numbers.whole("layer", "embed, final or a number", text));
  }

  /**
   * Reads a list with commas: {@code embed}, {@code final}, numbers, ranges such as {@code 0-5},
   * {@code all} (embed and every block) or {@code blocks}.
   */
  public static List<Layer> list(String text, DecoderConfig config) {
    List<Layer> layers = new ArrayList<>();
    for (String part : Numbers.parts(text)) {
      switch (part) {
        case "all" -> layers.addAll(all(config));
        case "blocks" -> layers.addAll(blocks(config));
        case "embed" -> layers.add(EMBED);
        case "final" -> layers.add(FINAL);
        default -> {
          for (int block : Numbers.range("layers", part)) {
            layers.add(new Layer(block));
          }
        }
      }
    }
    return List.copyOf(layers);
  }
}
