package dev.diopter.lens.patterns;

/** A figure function that the test's class path offers as a service. */
public final class ServiceFigure implements FigureFunction {
  @Override
  public String name() {
    return "service_for_test";
  }

  @Override
  public String description() {
    return "the pattern's size";
  }

  @Override
  public void draw(AttentionPattern pattern, Surfaces surfaces) {
    int size = pattern.weights().rows();
    surfaces
        .surface(size, size)
        .image(new dev.diopter.lens.pictures.Raster(1, 1, new int[1]), 0, 0, size, size);
  }
}
