package dev.diopter.kernels;

import dev.diopter.kernels.ComparedOperations.Named;
import dev.diopter.kernels.ComparedOperations.Ready;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Every operation of a backend on random numbers against the same operation of another one: how far
 * they are apart, and how long the first one takes. For machines that the tests do not reach.
 */
public final class BackendComparison {
  private static final double BOUND = 2e-5;

  /**
   * Sums of products in a GPU's units for lower precision are float32, but not rounded to nearest.
   */
  private static final double ROUNDED_BOUND = 1e-4;

  private static final int MOST_ROUNDS = 20;
  private static final long ENOUGH_NANOS = 50_000_000;

  private final Backend subject;
  private final Backend oracle;
  private final List<Outcome> outcomes = new ArrayList<>();

  /**
   * What came of one operation.
   *
   * @param operation its name
   * @param error largest difference, divided by the largest value where that is above 1; not a
   *     number where a value is not
   * @param bound what the error may be
   * @param milliseconds of one call; not a number where it failed
   * @param failure what went wrong instead, or null
   */
  public record Outcome(
      String operation, double error, double bound, double milliseconds, @Nullable String failure) {
    /** Whether the backends agree. */
    public boolean agrees() {
      return failure == null && error <= bound;
    }
  }

  /** What a backend of lower precision rounds the operands of its products to. */
  public enum Rounding {
    /** 10 bits of mantissa; how the others go is the device's affair, so the operands have none. */
    TF32(10, 10),
    /** 7 bits of mantissa, to nearest, ties to even; the operands of the oracle come rounded. */
    BFLOAT16(ComparisonOperands.ALL_BITS, 7);

    private final int subjectBits;
    private final int oracleBits;

    /** How many bits the operands of either side have. */
    Rounding(int subjectBits, int oracleBits) {
      this.subjectBits = subjectBits;
      this.oracleBits = oracleBits;
    }

    private Bits bits() {
      return new Bits(subjectBits, oracleBits);
    }
  }

  /** How many bits of the operands either side gets. */
  private record Bits(int subject, int oracle) {}

  private BackendComparison(Backend subject, Backend oracle) {
    this.subject = subject;
    this.oracle = oracle;
  }

  /**
   * Compares all operations. One that fails is an outcome too; none follow where the subject is
   * lost.
   *
   * @param subject the backend in question
   * @param oracle the one that is right
   * @param rows rows of each operand
   * @param heads attention heads; key and value heads are half as many
   * @param headDim width of a head, even
   */
  public static List<Outcome> run(
      Backend subject, Backend oracle, int rows, int heads, int headDim) {
    BackendComparison comparison = new BackendComparison(subject, oracle);
    Bits all = new Bits(ComparisonOperands.ALL_BITS, ComparisonOperands.ALL_BITS);
    comparison.compare(new ComparedOperations(rows, heads, headDim).all(), all, BOUND);
    return List.copyOf(comparison.outcomes);
  }

  /** Compares what weights take part in on a backend of lower precision. */
  public static List<Outcome> runRounded(
      Backend subject, Backend oracle, Rounding rounding, int rows, int heads, int headDim) {
    BackendComparison comparison = new BackendComparison(subject, oracle);
    List<Named> products = new ComparedOperations(rows, heads, headDim).products();
    comparison.compare(products, rounding.bits(), ROUNDED_BOUND);
    return List.copyOf(comparison.outcomes);
  }

  private void compare(List<Named> operations, Bits bits, double bound) {
    for (Named one : operations) {
      try (ComparisonOperands a = new ComparisonOperands(subject, bits.subject);
          ComparisonOperands b = new ComparisonOperands(oracle, bits.oracle)) {
        Ready got = one.make().apply(a);
        Ready want = one.make().apply(b);
        got.operation().run();
        want.operation().run();
        double error = error(a.values(got.result()), b.values(want.result()));
        outcomes.add(new Outcome(one.name(), error, bound, time(got), null));
      } catch (RuntimeException e) {
        outcomes.add(
            new Outcome(one.name(), Double.NaN, bound, Double.NaN, String.valueOf(e.getMessage())));
        if (isLost()) {
          return;
        }
      }
    }
  }

  /** Whether nothing works any more: what failed is told once, a loss every time. */
  private boolean isLost() {
    for (int i = 0; i < 2; i++) {
      try {
        subject.finish();
        return false;
      } catch (RuntimeException e) {
        // Asked again: this may be what was left of the operation that failed.
      }
    }
    return true;
  }

  private static double error(float[] got, float[] want) {
    double scale = 1;
    for (float value : want) {
      scale = Math.max(scale, Math.abs(value));
    }
    double worst = 0;
    for (int i = 0; i < want.length; i++) {
      double difference = Math.abs((double) got[i] - want[i]) / scale;
      if (Double.isNaN(difference)) {
        return Double.NaN;
      }
      worst = Math.max(worst, difference);
    }
    return worst;
  }

  /** A mean over some calls, which the download of one number waits for. */
  private double time(Ready ready) {
    long start = System.nanoTime();
    int rounds = 0;
    do {
      ready.operation().run();
      rounds++;
    } while (rounds < MOST_ROUNDS && System.nanoTime() - start < ENOUGH_NANOS);
    subject.download(ready.result().buffer(), ready.result().offset(), new float[1], 0, 1);
    return (System.nanoTime() - start) / 1e6 / rounds;
  }
}
