package dev.diopter.lens.patching;

import java.util.List;

/** What the cells of a sweep are, beside the layer. */
@SuppressWarnings("ImmutableEnumChecker") // the lists of axes are unmodifiable
public enum Grid {
  /** One position, all heads: [layer, position]. */
  POSITION(List.of("layer", "position")),
  /** One position of one head: [layer, position, head]. */
  POSITION_HEAD(List.of("layer", "position", "head")),
  /** All positions of one head: [layer, head]. */
  HEAD(List.of("layer", "head")),
  /** One query of one head's pattern: [layer, head, destination]. */
  HEAD_QUERY(List.of("layer", "head", "destination")),
  /** One cell of one head's pattern: [layer, head, destination, source]. */
  HEAD_QUERY_KEY(List.of("layer", "head", "destination", "source"));

  private final List<String> axes;

  Grid(List<String> axes) {
    this.axes = axes;
  }

  /** Names of the axes, outermost first. */
  public List<String> axes() {
    return axes;
  }

  /** Whether each head has cells of its own. */
  boolean byHead() {
    return this != POSITION;
  }
}
