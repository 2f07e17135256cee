package dev.diopter.kernels.cpu;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/**
 * Scalar kernels until the vector kernels are compiled. Vector code that is still interpreted makes
 * an object of every vector and takes seconds where the scalar twin takes milliseconds; both give
 * the same bits, so nobody can tell when one follows the other.
 *
 * <p>Short runs stay scalar and pay nothing. After some work a daemon thread runs one vector kernel
 * after the other on samples, those in use first, each until it is faster than its twin and takes
 * over. Thread safe; one for a JVM, as compiled code is.
 */
final class WarmingKernels implements Kernels {
  /**
   * Multiply-adds after which warming up is worth its time: about a tenth of a second of scalar
   * code.
   */
  private static final long ENOUGH_WORK = 100_000_000;

  /** What one kernel may take on a busy machine, before it takes over all the same. */
  private static final long NANOS_TO_TRY = 10_000_000_000L;

  private static final int ALL = (1 << WarmUpSamples.KERNELS) - 1;

  private final Kernels first;
  private final Supplier<Kernels> later;
  private final long enoughWork;
  private final AtomicBoolean started = new AtomicBoolean();
  private Kernels then; // becomes visible with the first bit of warm
  private volatile int warm; // a bit for each kernel that has been taken over
  private int used; // a bit for each kernel that somebody called; racy on purpose, as is the next
  private long work;

  WarmingKernels(Kernels first, Supplier<Kernels> later) {
    this(first, later, ENOUGH_WORK);
  }

  WarmingKernels(Kernels first, Supplier<Kernels> later, long enoughWork) {
    this.first = first;
    this.later = later;
    this.then = first;
    this.enoughWork = enoughWork;
  }

  /** Whether all kernels have been taken over. */
  boolean warm() {
    return warm == ALL;
  }

  /** Whether warming up has begun. */
  boolean begun() {
    return started.get();
  }

  private Kernels kernel(int number) {
    return kernel(number, 0);
  }

  private Kernels kernel(int number, long sums) {
    if ((warm >>> number & 1) != 0) {
      return then;
    }
    used |= 1 << number;
    work += sums;
    if (work > enoughWork && !started.getAndSet(true)) {
      Thread.ofPlatform().daemon().name("diopter-cpu-warm-up").start(this::warmUp);
    }
    return first;
  }

  private void warmUp() {
    then = later.get();
    WarmUpSamples samples = new WarmUpSamples();
    while (warm != ALL) {
      int wanted = used & ~warm;
      int number = Integer.numberOfTrailingZeros(wanted != 0 ? wanted : ~warm);
      long end = System.nanoTime() + NANOS_TO_TRY;
      boolean slower = true;
      while (slower && System.nanoTime() < end) {
        long before = System.nanoTime();
        samples.run(number, first);
        long between = System.nanoTime();
        samples.run(number, then);
        slower = System.nanoTime() - between >= between - before;
      }
      warm = warm | 1 << number;
    }
  }

  @Override
  public String describe() {
    return later.get().describe();
  }

  @Override
  public int fewRows(boolean widened) {
    return kernel(WarmUpSamples.ROWS_AS_THEY_LIE).fewRows(widened);
  }

  @Override
  public boolean widensFloat16() {
    return kernel(WarmUpSamples.ROW_FLOAT16).widensFloat16();
  }

  @Override
  public void tiles(
      float[] x,
      int xo,
      int xGroup,
      int rows,
      float[] w,
      int wo,
      int second,
      int panels,
      int k,
      float[] c,
      int co) {
    kernel(WarmUpSamples.TILES, (long) rows * panels * Panels.WIDTH * k)
        .tiles(x, xo, xGroup, rows, w, wo, second, panels, k, c, co);
  }

  @Override
  public void tileRows(
      float[] x,
      int xo,
      int xRow,
      float[] w,
      int wo,
      int second,
      int panels,
      int k,
      float[] c,
      int co) {
    kernel(WarmUpSamples.TILE_ROWS, (long) Panels.QUAD * panels * Panels.WIDTH * k)
        .tileRows(x, xo, xRow, w, wo, second, panels, k, c, co);
  }

  @Override
  public void row(
      float[] x, int xo, float[] w, int wo, int stride, int panels, int k, float[] c, int co) {
    kernel(WarmUpSamples.ROW, (long) panels * Panels.WIDTH * k)
        .row(x, xo, w, wo, stride, panels, k, c, co);
  }

  @Override
  public void rows(
      float[] x,
      int xo,
      int xRow,
      int rows,
      float[] w,
      int wo,
      int stride,
      int panels,
      int k,
      float[] c,
      int co) {
    kernel(WarmUpSamples.ROWS_AS_THEY_LIE, (long) rows * panels * Panels.WIDTH * k)
        .rows(x, xo, xRow, rows, w, wo, stride, panels, k, c, co);
  }

  @Override
  public void rowBfloat16(
      float[] x, int xo, short[] w, int wo, int stride, int panels, int k, float[] c, int co) {
    kernel(WarmUpSamples.ROW_BFLOAT16, (long) panels * Panels.WIDTH * k)
        .rowBfloat16(x, xo, w, wo, stride, panels, k, c, co);
  }

  @Override
  public void store(float[] sums, int so, int rows, int n, float[] out, int to, int stride) {
    kernel(WarmUpSamples.STORE).store(sums, so, rows, n, out, to, stride);
  }

  @Override
  public void storeBiased(
      float[] sums,
      int so,
      int rows,
      int n,
      float[] bias,
      int bo,
      float[] out,
      int to,
      int stride) {
    kernel(WarmUpSamples.STORE_BIASED).storeBiased(sums, so, rows, n, bias, bo, out, to, stride);
  }

  @Override
  public void rowFloat16(
      float[] x, int xo, short[] w, int wo, int stride, int panels, int k, float[] c, int co) {
    kernel(WarmUpSamples.ROW_FLOAT16, (long) panels * Panels.WIDTH * k)
        .rowFloat16(x, xo, w, wo, stride, panels, k, c, co);
  }

  @Override
  public void widenBfloat16(short[] w, int wo, int n, float[] out, int to) {
    kernel(WarmUpSamples.WIDEN_BFLOAT16).widenBfloat16(w, wo, n, out, to);
  }

  @Override
  public float sum(float[] x, int o, int n, float[] partials) {
    return kernel(WarmUpSamples.SUM).sum(x, o, n, partials);
  }

  @Override
  public float squares(float[] x, int o, int n, float mean, float[] partials) {
    return kernel(WarmUpSamples.SQUARES).squares(x, o, n, mean, partials);
  }

  @Override
  public void normalize(float[] x, int o, int n, float mean, float scale, float[] out, int to) {
    kernel(WarmUpSamples.NORMALIZE).normalize(x, o, n, mean, scale, out, to);
  }

  @Override
  public void affine(float[] x, int o, int n, float[] gain, float[] bias, float[] out, int to) {
    kernel(WarmUpSamples.AFFINE).affine(x, o, n, gain, bias, out, to);
  }

  @Override
  public void gain(float[] x, int o, int n, float[] gain, float[] out, int to) {
    kernel(WarmUpSamples.GAIN).gain(x, o, n, gain, out, to);
  }

  @Override
  public void scale(float[] x, int o, int n, float factor, float[] out, int to) {
    kernel(WarmUpSamples.SCALE).scale(x, o, n, factor, out, to);
  }

  @Override
  public void add(float[] a, int ao, float[] b, int bo, int n, float[] out, int to) {
    kernel(WarmUpSamples.ADD).add(a, ao, b, bo, n, out, to);
  }

  @Override
  public void softmax(float[] x, int o, int n, float[] partials) {
    kernel(WarmUpSamples.SOFTMAX).softmax(x, o, n, partials);
  }

  @Override
  public void gelu(float[] x, int o, int n, float[] out, int to) {
    kernel(WarmUpSamples.GELU).gelu(x, o, n, out, to);
  }

  @Override
  public void siluTimes(float[] gate, int go, float[] up, int uo, int n, float[] out, int to) {
    kernel(WarmUpSamples.SILU_TIMES).siluTimes(gate, go, up, uo, n, out, to);
  }

  @Override
  public void rotate(float[] x, int o, int pairs, float[] angles, int at, float[] out, int to) {
    kernel(WarmUpSamples.ROTATE).rotate(x, o, pairs, angles, at, out, to);
  }
}
