package dev.diopter.lens.patterns;

import dev.diopter.lens.pictures.PictureFormat;
import dev.diopter.lens.pictures.Surface;
import java.util.List;

/**
 * Draws attention patterns. Called from several threads at once. Made known by {@link
 * FigureFunctions#register} or as a service of this type.
 */
public interface FigureFunction {

  /** Its name, which names its files: letters, digits, {@code -} and {@code _}. */
  String name();

  /** What its figures show, in a line. */
  String description();

  /** How the numbers become colours, as a formula or in words; the description unless given. */
  default String formula() {
    return description();
  }

  /** The format of its files unless another one is asked for. */
  default PictureFormat format() {
    return PictureFormat.PNG;
  }

  /**
   * Names of its figures where it draws several of each pattern, as {@code NAME.PART} in files; no
   * parts where it draws one.
   */
  default List<String> parts() {
    return List.of();
  }

  /**
   * Draws a pattern, whose weights all are finite. What it throws is written beside where the
   * figure would be, and no figure of it is; the other figures are drawn. An {@link Error} ends the
   * run.
   */
  void draw(AttentionPattern pattern, Surfaces surfaces) throws Exception;

  /** Gives what to draw on, in the format that is wanted. */
  interface Surfaces {
    /** A surface for the one figure. */
    Surface surface(int width, int height);

    /** A surface for one of several figures. */
    Surface surface(String part, int width, int height);
  }
}
