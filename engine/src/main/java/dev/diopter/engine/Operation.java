package dev.diopter.engine;

import java.util.Arrays;

/**
 * What an edit does to the selected cells. Plain data, but for {@link Function}. Values are
 * row-major arrays with their shape; they are not to be changed afterwards.
 */
public sealed interface Operation {

  /** The name in plan files. */
  String name();

  /** An array: exactly the selection's shape, or one vector of the last axis. */
  record Value(int[] shape, float[] data) {
    public Value {
      long size = 1;
      for (int n : shape) {
        size *= n;
      }
      if (size != data.length) {
        throw new UsageException(
            "value: expected %d numbers for shape %s, got %d"
                .formatted(size, Arrays.toString(shape), data.length));
      }
    }

    /** A vector. */
    public static Value of(float... data) {
      return new Value(new int[] {data.length}, data.clone());
    }

    /** A whole activation of another run. */
    public static Value of(Activation activation) {
      return new Value(activation.shape().clone(), activation.values().clone());
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Value v
          && Arrays.equals(shape, v.shape)
          && Arrays.equals(data, v.data);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(shape) * 31 + Arrays.hashCode(data);
    }

    /** The shape and the first numbers. */
    @Override
    public String toString() {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < Math.min(3, data.length); i++) {
        text.append(i == 0 ? "" : ", ").append(data[i]);
      }
      return Arrays.toString(shape) + " {" + text + (data.length > 3 ? ", ..." : "") + "}";
    }
  }

  /** The selection becomes the value; {@code broadcast} allows one vector for many rows. */
  record Replace(Value value, boolean broadcast) implements Operation {
    @Override
    public String name() {
      return "replace";
    }
  }

  /** The value is added; one vector is added to every selected row. */
  record Add(Value value) implements Operation {
    @Override
    public String name() {
      return "add";
    }
  }

  /** Multiplied by a number. */
  record Scale(float factor) implements Operation {
    @Override
    public String name() {
      return "scale";
    }
  }

  /** Becomes zero. */
  record Zero() implements Operation {
    @Override
    public String name() {
      return "zero";
    }
  }

  /** Becomes the mean of the value over its axes in front of one position's shape. */
  record Mean(Value value) implements Operation {
    @Override
    public String name() {
      return "mean";
    }
  }

  /** {@code (1 - weight) x + weight value}; one vector serves every selected row. */
  record Interpolate(Value value, float weight) implements Operation {
    @Override
    public String name() {
      return "interpolate";
    }
  }

  /** {@code x - (x . u) u} along the last axis, u the vector divided by its norm. */
  record ProjectOut(Value vector) implements Operation {
    @Override
    public String name() {
      return "project_out";
    }
  }

  /** Normal noise is added, keyed by (seed, sequence key, site, layer, position, head, index). */
  record Noise(float standardDeviation, long seed) implements Operation {
    @Override
    public String name() {
      return "noise";
    }
  }

  /** Scores to minus infinity, patterns to zero; nothing is rescaled. */
  record Knockout() implements Operation {
    @Override
    public String name() {
      return "knockout";
    }
  }

  /** Any Java function; cannot be written to a plan file. */
  record Function(EditFunction function) implements Operation {
    @Override
    public String name() {
      return "function";
    }
  }
}
