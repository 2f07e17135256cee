package dev.diopter.models;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Models without some blocks, with their blocks in another order, or with other blocks in their
 * place. Nothing is changed: what comes out shares the mapping of the model that it was made of, is
 * packed like any other, and is closed with it. Weights as they are stored are not copied; of a
 * model whose weights are processed, all blocks are computed and lie on the heap until it is let
 * go.
 */
public final class BlockSurgery {
  private BlockSurgery() {}

  /**
   * Without some blocks.
   *
   * @param blocks which, from 0; at least one must be left
   */
  public static OpenModel delete(OpenModel model, int... blocks) {
    TreeSet<Integer> gone = new TreeSet<>();
    for (int block : blocks) {
      gone.add(checked(model, block));
    }
    return ordered(
        model,
        IntStream.range(0, model.config().layers()).filter(b -> !gone.contains(b)).toArray());
  }

  /**
   * With all blocks in another order.
   *
   * @param order which block comes first, second and so on: each once
   */
  public static OpenModel permute(OpenModel model, int... order) {
    int layers = model.config().layers();
    if (!Arrays.equals(
        Arrays.stream(order).sorted().toArray(), IntStream.range(0, layers).toArray())) {
      throw new ModelException(
          "order of blocks: expected each of 0 to %d once, got %s"
              .formatted(layers - 1, Arrays.toString(order)));
    }
    return ordered(model, order);
  }

  /**
   * With these blocks in this order; one may come several times, or not at all.
   *
   * @param order at least one
   */
  public static OpenModel ordered(OpenModel model, int... order) {
    if (order.length == 0) {
      throw new ModelException("order of blocks: expected at least one block, got none");
    }
    List<DecoderWeights.Layer> blocks = new ArrayList<>();
    for (int block : order) {
      blocks.add(model.weights().layers().get(checked(model, block)));
    }
    return with(model, blocks, "blocks " + join(order));
  }

  /**
   * With other blocks in the place of some.
   *
   * @param other where they come from: this model or one that stays open until the new model is
   *     packed, of the same processing, so that {@link OpenModel#processing} holds for all blocks
   * @param blocks by block of the model, from 0: which of the other's, of the same shapes, takes
   *     its place
   */
  public static OpenModel replace(OpenModel model, OpenModel other, Map<Integer, Integer> blocks) {
    if (!model.processing().equals(other.processing())) {
      throw new ModelException(
          "blocks of %s: expected the processing of %s (%s), got %s: open both with one"
              .formatted(
                  other.displayName(),
                  model.displayName(),
                  model.processing(),
                  other.processing()));
    }
    List<DecoderWeights.Layer> all = new ArrayList<>(model.weights().layers());
    for (Map.Entry<Integer, Integer> each : blocks.entrySet()) {
      int block = checked(model, each.getKey());
      DecoderWeights.Layer layer = other.weights().layers().get(checked(other, each.getValue()));
      String expected = shapes(all.get(block));
      String found = shapes(layer);
      if (!expected.equals(found)) {
        throw new ModelException(
            "block %d: expected one of the shapes %s in its place, got %s"
                .formatted(block, expected, found));
      }
      all.set(block, layer);
    }
    int[] replaced = blocks.keySet().stream().mapToInt(b -> b).sorted().toArray();
    return with(model, all, "other blocks " + join(replaced));
  }

  private static OpenModel with(OpenModel model, List<DecoderWeights.Layer> blocks, String what) {
    if (model.config().scaleByLayer()) {
      throw new ModelException(
          "%s: its attention depends on a block's place, so blocks cannot be moved"
              .formatted(model.displayName()));
    }
    return model.withBlocks("%s (%s)".formatted(model.displayName(), what), blocks);
  }

  private static int checked(OpenModel model, int block) {
    if (block < 0 || block >= model.config().layers()) {
      throw new ModelException(
          "expected blocks 0 to %d of %s, got %d"
              .formatted(model.config().layers() - 1, model.displayName(), block));
    }
    return block;
  }

  private static String join(int[] numbers) {
    return String.join(",", Arrays.stream(numbers).mapToObj(Integer::toString).toList());
  }

  private static String shapes(DecoderWeights.Layer layer) {
    return "norm %s, q %s, k %s, v %s, o %s, norm %s, gate %s, up %s, down %s"
        .formatted(
            shape(layer.norm1()),
            shape(layer.query()),
            shape(layer.key()),
            shape(layer.value()),
            shape(layer.output()),
            shape(layer.norm2()),
            shape(layer.gate()),
            shape(layer.up()),
            shape(layer.down()));
  }

  private static String shape(DecoderWeights.Norm norm) {
    return norm.gain().shape() + (norm.bias() == null ? "" : "+bias");
  }

  private static String shape(DecoderWeights.@Nullable Projection p) {
    return p == null ? "none" : p.in() + "x" + p.out() + (p.bias() == null ? "" : "+bias");
  }
}
