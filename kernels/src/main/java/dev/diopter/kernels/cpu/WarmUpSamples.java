package dev.diopter.kernels.cpu;

/**
 * Small operands for every kernel, run often enough in one go that the compilers take notice. The
 * kernels are numbered in the order in which they matter.
 */
final class WarmUpSamples {
  static final int TILES = 0;
  static final int ROW = 1;
  static final int ROW_BFLOAT16 = 2;
  static final int WIDEN_BFLOAT16 = 3;
  static final int SOFTMAX = 4;
  static final int SCALE = 5;
  static final int TILE_ROWS = 6;
  static final int GELU = 7;
  static final int SILU_TIMES = 8;
  static final int SUM = 9;
  static final int SQUARES = 10;
  static final int NORMALIZE = 11;
  static final int AFFINE = 12;
  static final int GAIN = 13;
  static final int ADD = 14;
  static final int ROTATE = 15;
  static final int STORE = 16;
  static final int STORE_BIASED = 17;
  static final int ROWS_AS_THEY_LIE = 18;
  static final int ROW_FLOAT16 = 19;
  static final int KERNELS = 20;

  private static final int TIMES = 40;
  private static final int K = 64;
  private static final int N = 256;
  private static final int PANEL = K * Panels.WIDTH;

  /** Panels that make the kernels for one row use both of their loops. */
  private static final int PANELS = 5;

  /** Rows that make use of every tile. */
  private static final int ROWS = 2 * Panels.ROWS;

  /** Rows that lie one behind the other: four, two and one. */
  private static final int FEW_ROWS = 7;

  private static final int FEW_PANELS = 4;

  private final float[] x = filled(2 * Panels.ROWS * K + N);
  private final float[] w = filled(PANELS * PANEL);
  private final short[] halves = new short[PANELS * PANEL];
  private final float[] sums = new float[ROWS * Panels.SUMS];
  private final float[] out = new float[K * Panels.WIDTH + N];
  private final float[] partials = new float[16];

  private static float[] filled(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (i % 7 - 3) * 0.1f;
    }
    return values;
  }

  /** Runs one kernel some times. */
  void run(int kernel, Kernels kernels) {
    for (int i = 0; i < TIMES; i++) {
      once(kernel, kernels);
    }
  }

  private void once(int kernel, Kernels kernels) {
    switch (kernel) {
      case TILES ->
          kernels.tiles(x, 0, Panels.ROWS * K, ROWS, w, 0, PANEL, Panels.PAIR, K, sums, 0);
      case ROW -> kernels.row(x, 0, w, 0, PANEL, PANELS, K, sums, 0);
      case ROW_BFLOAT16 -> kernels.rowBfloat16(x, 0, halves, 0, PANEL, PANELS, K, sums, 0);
      case WIDEN_BFLOAT16 -> kernels.widenBfloat16(halves, 0, PANEL, out, 0);
      case SOFTMAX -> kernels.softmax(out, 0, N, partials);
      case SCALE -> kernels.scale(x, 0, N, 0.5f, out, 0);
      case TILE_ROWS -> kernels.tileRows(x, 0, K, w, 0, PANEL, Panels.PAIR, K, sums, 0);
      case GELU -> kernels.gelu(x, 0, N, out, 0);
      case SILU_TIMES -> kernels.siluTimes(x, 0, w, 0, N, out, 0);
      case SUM -> kernels.sum(x, 0, N, partials);
      case SQUARES -> kernels.squares(x, 0, N, 0.5f, partials);
      case NORMALIZE -> kernels.normalize(x, 0, N, 0.5f, 2, out, 0);
      case AFFINE -> kernels.affine(x, 0, N, w, w, out, 0);
      case GAIN -> kernels.gain(x, 0, N, w, out, 0);
      case ADD -> kernels.add(x, 0, w, 0, N, out, 0);
      case ROTATE -> kernels.rotate(x, 0, N / 2, w, 0, out, 0);
      case STORE -> kernels.store(sums, 0, ROWS, Panels.SUMS, out, 0, Panels.SUMS);
      case STORE_BIASED ->
          kernels.storeBiased(sums, 0, ROWS, Panels.SUMS, w, 0, out, 0, Panels.SUMS);
      case ROWS_AS_THEY_LIE -> kernels.rows(x, 0, K, FEW_ROWS, w, 0, PANEL, FEW_PANELS, K, sums, 0);
      case ROW_FLOAT16 -> kernels.rowFloat16(x, 0, halves, 0, PANEL, PANELS, K, sums, 0);
      default -> throw new IllegalArgumentException("no kernel " + kernel);
    }
  }
}
