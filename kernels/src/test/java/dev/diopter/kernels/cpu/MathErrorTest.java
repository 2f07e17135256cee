package dev.diopter.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.kernels.Samples;
import java.util.Arrays;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

/**
 * The stated errors of exp, GELU and SiLU, over all exponents, and that vectors compute the very
 * same.
 */
class MathErrorTest {
  private static final double TWICE_SQRT_2_OVER_PI = 2 * Math.sqrt(2 / Math.PI);
  private static final int PER_EXPONENT = 3000;

  private interface FloatFunction {
    float apply(float x);
  }

  @Test
  void exp_allExponents_isWithinOneUlp() {
    assertThat(worst(ScalarMath::exp, Math::exp)).isLessThan(1.0);
    assertThat(ScalarMath.exp(0f)).isEqualTo(1f);
    assertThat(ScalarMath.exp(-0f)).isEqualTo(1f);
    assertThat(ScalarMath.exp(Float.NEGATIVE_INFINITY)).isZero();
    assertThat(ScalarMath.exp(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(ScalarMath.exp(Float.NaN)).isNaN();
  }

  @Test
  void silu_allExponents_isWithinThreeAndAHalfUlp() {
    assertThat(worst(ScalarMath::silu, x -> x / (1 + Math.exp(-x)))).isLessThan(3.5);
    assertThat(ScalarMath.silu(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(ScalarMath.silu(Float.NEGATIVE_INFINITY)).isNaN();
    assertThat(ScalarMath.silu(Float.NaN)).isNaN();
  }

  @Test
  void gelu_allExponents_isWithinThreeAndAHalfUlp() {
    // The form that does not cancel: see ScalarMath.gelu.
    DoubleUnaryOperator exact =
        x -> x / (1 + Math.exp(-TWICE_SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)));
    assertThat(worst(ScalarMath::gelu, exact)).isLessThan(3.5);
    assertThat(ScalarMath.gelu(1f))
        .isCloseTo(0.841192f, org.assertj.core.data.Offset.offset(1e-6f));
    assertThat(ScalarMath.gelu(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(ScalarMath.gelu(Float.NEGATIVE_INFINITY)).isNaN();
    assertThat(ScalarMath.gelu(Float.NaN)).isNaN();
  }

  /**
   * Largest error in units in the last place of the exact result, one more for subnormal results.
   */
  private static double worst(FloatFunction function, DoubleUnaryOperator exact) {
    double worst = 0;
    for (float x : arguments()) {
      double want = exact.applyAsDouble(x);
      float got = function.apply(x);
      double error;
      if (Math.abs(want) > Float.MAX_VALUE || Float.isInfinite(got)) {
        boolean overflown = Math.abs(want) > 0.9999999 * Float.MAX_VALUE && Float.isInfinite(got);
        error = overflown || got == want ? 0 : Double.POSITIVE_INFINITY;
      } else {
        error = Math.abs(got - want) / Math.ulp((float) want);
      }
      if (!(error <= worst)) {
        worst = error;
        System.out.printf("%.3f ulp at %s%n", worst, x);
      }
    }
    return worst;
  }

  /** Finite values: every sign and exponent, and more where results are neither 0 nor saturated. */
  private static float[] arguments() {
    Random random = Samples.random(10);
    float[] all = new float[2 * 255 * PER_EXPONENT + 200_000];
    int n = 0;
    for (int sign = 0; sign < 2; sign++) {
      for (int exponent = 0; exponent < 255; exponent++) {
        for (int i = 0; i < PER_EXPONENT; i++) {
          int mantissa = i == 0 ? 0 : i == 1 ? 0x7fffff : random.nextInt(1 << 23);
          all[n++] = Float.intBitsToFloat(sign << 31 | exponent << 23 | mantissa);
        }
      }
    }
    while (n < all.length) {
      all[n++] = (random.nextFloat() - 0.5f) * 240;
    }
    return all;
  }

  @Test
  void vectors_allExponents_computeTheSame() {
    Kernels scalar = new ScalarKernels();
    Kernels vector = KernelSelection.select(KernelChoice.VECTOR).kernels();
    float[] x = arguments();
    float[] a = new float[x.length];
    float[] b = new float[x.length];
    scalar.gelu(x, 0, x.length, a, 0);
    vector.gelu(x, 0, x.length, b, 0);
    assertThat(Samples.bits(b)).isEqualTo(Samples.bits(a));
    float[] up = new float[x.length];
    Arrays.fill(up, 0.75f);
    scalar.siluTimes(x, 0, up, 0, x.length, a, 0);
    vector.siluTimes(x, 0, up, 0, x.length, b, 0);
    assertThat(Samples.bits(b)).isEqualTo(Samples.bits(a));
    float[] partials = new float[16];
    for (int o = 0; o + 37 < x.length; o += 37) {
      // Rows of softmax whose largest value is 0, so that the exponential sees the values as they
      // are.
      float[] row = Arrays.copyOfRange(x, o, o + 48);
      for (int i = 0; i < 37; i++) {
        row[i] = -Math.abs(row[i]);
      }
      row[11] = 0;
      float[] other = row.clone();
      scalar.softmax(row, 0, 37, partials);
      vector.softmax(other, 0, 37, partials);
      assertThat(Arrays.equals(row, 0, 37, other, 0, 37)).as("row at %d", o).isTrue();
    }
  }
}
