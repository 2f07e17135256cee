package dev.diopter.kernels.cpu;

import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.StorageType;

/**
 * A weight matrix in panels of 16 outputs, [panel][in][16], 16-bit types in 16 bits. The panels lie
 * in several arrays: none exceeds what an array can hold, an even number of panels lies in each but
 * the last, and outputs past the end are 0.
 */
final class CpuMatrix implements PackedMatrix {
  /**
   * Bytes of an array: large enough that the garbage collector never moves it, small enough to find
   * a place.
   */
  static final long ARRAY_BYTES = 64L << 20;

  /**
   * Bytes before the first panel, so that panels begin with cache lines: an array's header has 16
   * bytes, and a large array begins with a line. Were it otherwise, products would only be slower.
   */
  private static final int PAD_BYTES = 48;

  private final StorageType type;
  private final int in;
  private final int out;
  private final int panelsPerArray;
  private final float[][] floats;
  private final short[][] halves;

  CpuMatrix(StorageType type, int in, int out, long arrayBytes) {
    this.type = type;
    this.in = in;
    this.out = out;
    long panel = (long) in * Panels.WIDTH;
    if (panel * Panels.PAIR > Integer.MAX_VALUE - 8 - PAD_BYTES) {
      throw new IllegalArgumentException("expected at most 2^26 - 1 inputs, got " + in);
    }
    int panels = Panels.count(out);
    long fitting = arrayBytes / (panel * type.bytes() * Panels.PAIR) * Panels.PAIR;
    this.panelsPerArray = Math.clamp(fitting, Panels.PAIR, Panels.roundUp(panels, 2));
    int arrays = (panels + panelsPerArray - 1) / panelsPerArray;
    this.floats = new float[type == StorageType.F32 ? arrays : 0][];
    this.halves = new short[type == StorageType.F32 ? 0 : arrays][];
    for (int a = 0; a < arrays; a++) {
      int size =
          Math.min(panelsPerArray, panels - a * panelsPerArray) * (int) panel
              + PAD_BYTES / type.bytes();
      if (type == StorageType.F32) {
        floats[a] = new float[size];
      } else {
        halves[a] = new short[size];
      }
    }
  }

  static CpuMatrix of(PackedMatrix matrix) {
    if (matrix instanceof CpuMatrix cpu) {
      return cpu;
    }
    throw new IllegalArgumentException(
        "expected a matrix of the cpu backend, got " + matrix.getClass().getSimpleName());
  }

  @Override
  public int in() {
    return in;
  }

  @Override
  public int out() {
    return out;
  }

  @Override
  public long bytes() {
    return (long) in * Panels.count(out) * Panels.WIDTH * type.bytes();
  }

  StorageType type() {
    return type;
  }

  int panels() {
    return Panels.count(out);
  }

  /** Elements from one panel to the next in the same array. */
  int panelSize() {
    return in * Panels.WIDTH;
  }

  /** The array that holds a panel of float32. */
  float[] floats(int panel) {
    return floats[panel / panelsPerArray];
  }

  /** The array that holds a panel of 16-bit values. */
  short[] halves(int panel) {
    return halves[panel / panelsPerArray];
  }

  /** Where the panel begins in its array. */
  int at(int panel) {
    return panel % panelsPerArray * panelSize() + PAD_BYTES / type.bytes();
  }

  /** How many of the panels {@code panel .. end - 1} lie in the array of the first. */
  int together(int panel, int end) {
    return Math.min(end, (panel / panelsPerArray + 1) * panelsPerArray) - panel;
  }

  /**
   * Writes {@code rows} rows of a panel from input {@code i}, widened to float32, to {@code
   * [rows][16]}.
   */
  void widen(Kernels kernels, int panel, int i, int rows, float[] to, int at) {
    int from = at(panel) + i * Panels.WIDTH;
    int n = rows * Panels.WIDTH;
    switch (type) {
      case F32 -> System.arraycopy(floats(panel), from, to, at, n);
      case BF16 -> kernels.widenBfloat16(halves(panel), from, n, to, at);
      case F16 -> widenFloat16(halves(panel), from, n, to, at);
    }
  }

  /** Copies column {@code output} of W, widened, to {@code to}. */
  void column(int output, float[] to, int at) {
    int panel = output / Panels.WIDTH;
    int from = at(panel) + output % Panels.WIDTH;
    switch (type) {
      case F32 -> {
        float[] w = floats(panel);
        for (int i = 0; i < in; i++) {
          to[at + i] = w[from + Panels.WIDTH * i];
        }
      }
      case BF16 -> {
        short[] w = halves(panel);
        for (int i = 0; i < in; i++) {
          to[at + i] = Float.intBitsToFloat(w[from + Panels.WIDTH * i] << 16);
        }
      }
      case F16 -> {
        short[] w = halves(panel);
        for (int i = 0; i < in; i++) {
          to[at + i] = Float.float16ToFloat(w[from + Panels.WIDTH * i]);
        }
      }
    }
  }

  /**
   * A loop of its own: C2 turns it into vector conversions, exact for subnormals and infinities.
   */
  private static void widenFloat16(short[] w, int from, int n, float[] to, int at) {
    for (int i = 0; i < n; i++) {
      to[at + i] = Float.float16ToFloat(w[from + i]);
    }
  }
}
