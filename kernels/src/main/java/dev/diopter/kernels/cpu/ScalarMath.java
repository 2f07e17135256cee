package dev.diopter.kernels.cpu;

/**
 * Exponential, GELU and SiLU of one float32. The vector kernels do the same operations in the same
 * order; the constants are here once.
 *
 * <p>exp: {@code x = n ln2 + r} with n by adding and subtracting 1.5 * 2^23, a polynomial of degree
 * 7 in r (coefficients of Cephes' expf), and two multiplications by powers of two, so that results
 * that are subnormal round once. Error against double: exp below 1 ulp (0.90 found), GELU and SiLU
 * below 3.5 ulp (3.41 found), over every float32 between -111 and 111 and a sample outside.
 */
final class ScalarMath {
  static final float LOG2_E = (float) 1.4426950408889634;

  /** 1.5 * 2^23: adding it rounds to an integer, which then stands in the lowest bits. */
  static final float ROUND = 12582912f;

  static final int ROUND_BITS = 0x4B400000;

  /** ln2 in two parts; the first has so few bits that n times it is exact. */
  static final float LN2_HIGH = (float) 0.693145751953125;

  static final float LN2_LOW = (float) 1.428606820309417e-6;

  static final float C7 = (float) 1.9875691500e-4;
  static final float C6 = (float) 1.3981999507e-3;
  static final float C5 = (float) 8.3334519073e-3;
  static final float C4 = (float) 4.1665795894e-2;
  static final float C3 = (float) 1.6666665459e-1;
  static final float C2 = (float) 5.0000001201e-1;

  /** exp of anything below is 0, even when multiplied by what {@link #gate} multiplies it by. */
  static final float LOWEST = -110f;

  /** exp of it overflows, and its n still splits into two powers of two. */
  static final float HIGHEST = 89f;

  /** GELU's cubic argument is saturated long before. */
  static final float GELU_LIMIT = 16f;

  private static final double TWICE_SQRT_2_OVER_PI = 1.5957691216057308;
  private static final double CUBIC = TWICE_SQRT_2_OVER_PI * 0.044715;

  /** {@code 2 sqrt(2 / pi) (x + 0.044715 x^3) = x (A + B x^2)}, each constant in two parts. */
  static final float A_HIGH = (float) TWICE_SQRT_2_OVER_PI;

  static final float A_LOW = (float) (TWICE_SQRT_2_OVER_PI - A_HIGH);
  static final float B_HIGH = (float) CUBIC;
  static final float B_LOW = (float) (CUBIC - B_HIGH);

  private ScalarMath() {}

  /** e to the x: 0 below -104, infinity above 88.7. */
  static float exp(float x) {
    float c = x < LOWEST ? LOWEST : x;
    c = c > HIGHEST ? HIGHEST : c;
    float t = Math.fma(c, LOG2_E, ROUND);
    float n = t - ROUND;
    float r = Math.fma(n, -LN2_HIGH, c);
    r = Math.fma(n, -LN2_LOW, r);
    int e = Float.floatToRawIntBits(t) - ROUND_BITS;
    int half = e >> 1;
    return polynomial(r) * powerOfTwo(half) * powerOfTwo(e - half);
  }

  /** {@code x / (1 + exp(-x))}; NaN for minus infinity. */
  static float silu(float x) {
    return gate(x, x, 0f);
  }

  /**
   * GELU in its tanh form, {@code x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))}, which is
   * {@code x / (1 + exp(-z))} with z twice the argument of tanh. z is carried as a sum of two
   * floats: a rounding error in it would be a relative error of the result, 100 times larger where
   * exp(-z) is large. NaN for minus infinity.
   */
  static float gelu(float x) {
    float c = x < -GELU_LIMIT ? -GELU_LIMIT : x;
    c = c > GELU_LIMIT ? GELU_LIMIT : c;
    float p = c * c;
    float pLow = Math.fma(c, c, -p);
    float q = B_HIGH * p;
    float qLow = Math.fma(B_HIGH, p, -q);
    qLow = Math.fma(B_HIGH, pLow, qLow);
    qLow = Math.fma(B_LOW, p, qLow);
    float s = A_HIGH + q;
    float part = s - A_HIGH;
    float sLow = (A_HIGH - (s - part)) + (q - part);
    sLow = sLow + (A_LOW + qLow);
    float z = c * s;
    float zLow = Math.fma(c, s, -z);
    zLow = Math.fma(c, sLow, zLow);
    return gate(x, z, zLow);
  }

  /**
   * {@code x / (1 + exp(-(z + zLow)))}, x and z of one sign. For negative z it is {@code x e / (1 +
   * e)} with e = exp(z), which neither overflows nor, scaled at the end, loses bits.
   */
  private static float gate(float x, float z, float zLow) {
    float a = -Math.abs(z);
    float c = a < LOWEST ? LOWEST : a;
    float t = Math.fma(c, LOG2_E, ROUND);
    float n = t - ROUND;
    float r = Math.fma(n, -LN2_HIGH, c);
    r = Math.fma(n, -LN2_LOW, r);
    r = r + (z < 0 ? zLow : -zLow);
    float p = polynomial(r);
    p = a < LOWEST ? 0f : p;
    int e = Float.floatToRawIntBits(t) - ROUND_BITS;
    int half = e >> 1;
    float first = powerOfTwo(half);
    float second = powerOfTwo(e - half);
    float divisor = Math.fma(p * first, second, 1f);
    float quotient = (z < 0 ? x * p : x) / divisor;
    return z < 0 ? quotient * first * second : quotient;
  }

  private static float polynomial(float r) {
    float p = Math.fma(C7, r, C6);
    p = Math.fma(p, r, C5);
    p = Math.fma(p, r, C4);
    p = Math.fma(p, r, C3);
    p = Math.fma(p, r, C2);
    p = Math.fma(p, r, 1f);
    return Math.fma(p, r, 1f);
  }

  /** 2 to the e, for e of a normal float. */
  private static float powerOfTwo(int e) {
    return Float.intBitsToFloat((e + 127) << 23);
  }
}
