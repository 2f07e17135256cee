package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;
import java.util.function.UnaryOperator;

/**
 * What is done to a vector on its way. Works on one vector at a time, without a batch axis. Must
 * not keep or change the vector that it is given; the same vector must give the same result.
 */
public interface Mapping {
  /** Nothing. */
  Mapping IDENTITY = of("identity", v -> v);

  /** What it is, for results. */
  String name();

  /**
   * Numbers that come out.
   *
   * @throws UsageException where there is no such way
   */
  int width(int width, Route route);

  /** The mapped vector. */
  float[] apply(float[] vector, Route route);

  /**
   * From where to where, by the block whose input the layer is: 0 for embed, l + 1 for the output
   * of block l, {@link #FINAL} for that of the final norm.
   */
  record Route(int sourceEntry, int targetEntry) {
    /** Behind the final norm. */
    public static final int FINAL = Integer.MAX_VALUE;

    /** The layers as users write them. */
    @Override
    public String toString() {
      return "layer %s to layer %s".formatted(Slots.label(sourceEntry), Slots.label(targetEntry));
    }
  }

  /** Any function that keeps the width. */
  static Mapping of(String name, UnaryOperator<float[]> function) {
    return new Mapping() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public int width(int width, Route route) {
        return width;
      }

      @Override
      public float[] apply(float[] vector, Route route) {
        return function.apply(vector);
      }
    };
  }

  /** Times a number. */
  static Mapping scale(float factor) {
    if (!Float.isFinite(factor)) {
      throw new UsageException("scale: expected a finite number, got " + factor);
    }
    return of(
        "scale:" + factor,
        v -> {
          float[] out = new float[v.length];
          for (int i = 0; i < out.length; i++) {
            out[i] = factor * v[i];
          }
          return out;
        });
  }

  /** Plus a vector. */
  static Mapping add(String name, float... summand) {
    float[] own = summand.clone();
    return new Mapping() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public int width(int width, Route route) {
        if (width != own.length) {
          throw new UsageException(
              "%s: expected vectors of %d numbers, got %d".formatted(name, own.length, width));
        }
        return width;
      }

      @Override
      public float[] apply(float[] vector, Route route) {
        float[] out = new float[vector.length];
        for (int i = 0; i < out.length; i++) {
          out[i] = vector[i] + own[i];
        }
        return out;
      }
    };
  }

  /** This, then another. */
  default Mapping then(Mapping next) {
    Mapping first = this;
    return new Mapping() {
      @Override
      public String name() {
        return first.name() + ", " + next.name();
      }

      @Override
      public int width(int width, Route route) {
        return next.width(first.width(width, route), route);
      }

      @Override
      public float[] apply(float[] vector, Route route) {
        return next.apply(first.apply(vector, route), route);
      }
    };
  }
}
