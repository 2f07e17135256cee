package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/**
 * Many patches from one: each step puts an axis behind those that are there, so that the first one
 * declared changes slowest. Immutable.
 */
public final class Sweep {
  private final List<Patch> patches;

  private Sweep(List<Patch> patches) {
    this.patches = patches;
  }

  /** One patch. */
  public static Sweep of(Patch patch) {
    return new Sweep(List.of(patch));
  }

  /** The patches in declared order. */
  public List<Patch> patches() {
    return patches;
  }

  /** Every source layer with every target layer, source layers outside. */
  public Sweep grid(List<Layer> sourceLayers, List<Layer> targetLayers) {
    return sourceLayers(sourceLayers).targetLayers(targetLayers);
  }

  /** Each layer into the same layer. */
  public Sweep diagonal(List<Layer> layers) {
    return pairs(layers, layers);
  }

  /** The first source layer into the first target layer and so on. */
  public Sweep pairs(List<Layer> sourceLayers, List<Layer> targetLayers) {
    if (sourceLayers.size() != targetLayers.size()) {
      throw new UsageException(
          "pairs: expected as many target layers as source layers, got %d and %d"
              .formatted(targetLayers.size(), sourceLayers.size()));
    }
    List<Layer[]> pairs = new ArrayList<>();
    for (int i = 0; i < sourceLayers.size(); i++) {
      pairs.add(new Layer[] {sourceLayers.get(i), targetLayers.get(i)});
    }
    return over(
        pairs,
        (patch, pair) ->
            patch.source(patch.source().layer(pair[0])).target(patch.target().layer(pair[1])));
  }

  /** Source layers. */
  public Sweep sourceLayers(List<Layer> layers) {
    return over(layers, (patch, layer) -> patch.source(patch.source().layer(layer)));
  }

  /** Target layers. */
  public Sweep targetLayers(List<Layer> layers) {
    return over(layers, (patch, layer) -> patch.target(patch.target().layer(layer)));
  }

  /** Source positions. */
  public Sweep sourcePositions(List<Positions> positions) {
    return over(positions, (patch, at) -> patch.source(patch.source().at(at)));
  }

  /** Target positions. */
  public Sweep targetPositions(List<Positions> positions) {
    return over(positions, (patch, at) -> patch.target(patch.target().at(at)));
  }

  /** Heads of the source. */
  public Sweep sourceHeads(List<Heads> heads) {
    return over(heads, (patch, head) -> patch.source(patch.source().heads(head)));
  }

  /** Heads of the target. */
  public Sweep targetHeads(List<Heads> heads) {
    return over(heads, (patch, head) -> patch.target(patch.target().heads(head)));
  }

  /** Source inputs. */
  public Sweep sourceInputs(List<Input> inputs) {
    return over(inputs, (patch, input) -> patch.source(patch.source().with(input)));
  }

  /** Target inputs. */
  public Sweep targetInputs(List<Input> inputs) {
    return over(inputs, (patch, input) -> patch.target(patch.target().with(input)));
  }

  /** Mappings. */
  public Sweep mappings(List<Mapping> mappings) {
    return over(mappings, Patch::mapping);
  }

  /** Each patch as {@link Patch#paperCompat} has it. */
  public Sweep paperCompat() {
    return new Sweep(patches.stream().map(Patch::paperCompat).toList());
  }

  /** Any axis. */
  public <T> Sweep over(List<T> values, BiFunction<Patch, T, Patch> change) {
    if (values.isEmpty()) {
      throw new UsageException("a sweep: expected at least one value on each axis, got none");
    }
    List<Patch> all = new ArrayList<>(patches.size() * values.size());
    for (Patch patch : patches) {
      for (T value : values) {
        all.add(change.apply(patch, value));
      }
    }
    return new Sweep(List.copyOf(all));
  }
}
