package dev.diopter.lens.patchscope;

/**
 * Vectors from a source, mapped, into a target. An immutable value. As many vectors as the target
 * has places, or one for all of them.
 *
 * @param source where they come from
 * @param mapping what is done to each
 * @param target where they go
 */
public record Patch(Source source, Mapping mapping, Target target) {

  /** Without a mapping. */
  public static Patch of(Source source, Target target) {
    return new Patch(source, Mapping.IDENTITY, target);
  }

  /** With another source. */
  public Patch source(Source other) {
    return new Patch(other, mapping, target);
  }

  /** With another mapping. */
  public Patch mapping(Mapping other) {
    return new Patch(source, other, target);
  }

  /** With another target. */
  public Patch target(Target other) {
    return new Patch(source, mapping, other);
  }
}
