package dev.diopter.lens.tuned;

import dev.diopter.models.DecoderWeights;
import dev.diopter.models.StoredTensor;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/**
 * The Python package's fingerprint of an unembedding matrix: the SHA-256 of the text that numpy
 * prints for it with one decimal. Of a large matrix numpy prints the corners alone, so different
 * matrices may well share a fingerprint; one that differs is proof, one that agrees is not.
 */
public final class UnembedHash {
  /** Items that numpy shows at each end of an axis that it shortens. */
  private static final int EDGE = 3;

  /** Elements above which numpy shortens. */
  private static final long THRESHOLD = 1000;

  private static final int LINE_WIDTH = 75;

  private UnembedHash() {}

  /** Of a model's unembedding. */
  public static String of(DecoderWeights weights) {
    StoredTensor head = weights.head() == null ? weights.tokenEmbedding() : weights.head();
    int columns = head.shape().get(1);
    return of(
        head.shape().get(0),
        columns,
        (row, column) -> head.floats((long) row * columns + column, 1)[0]);
  }

  /** An element of a matrix. */
  @FunctionalInterface
  public interface Elements {
    /** The element of a row and a column. */
    float at(int row, int column);
  }

  /** Of a matrix [rows, columns]. */
  public static String of(int rows, int columns, Elements elements) {
    try {
      byte[] text = text(rows, columns, elements).getBytes(StandardCharsets.UTF_8);
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  /** What numpy prints. */
  static String text(int rows, int columns, Elements elements) {
    boolean shortens = (long) rows * columns > THRESHOLD;
    int[] shownRows = shown(rows, shortens);
    int[] shownColumns = shown(columns, shortens);
    List<Float> values = new ArrayList<>();
    for (int row : shownRows) {
      for (int column : shownColumns) {
        if (row >= 0 && column >= 0) {
          values.add(elements.at(row, column));
        }
      }
    }
    NumpyFloats format = NumpyFloats.fitting(values);
    StringBuilder text = new StringBuilder("[");
    for (int r = 0; r < shownRows.length; r++) {
      if (r > 0) {
        text.append("\n ");
      }
      if (shownRows[r] < 0) {
        text.append("...");
      } else {
        int row = shownRows[r];
        appendRow(text, shownColumns, column -> format.text(elements.at(row, column)));
      }
    }
    return text.append(']').toString();
  }

  /** Indices that are shown; -1 stands for the dots. */
  private static int[] shown(int count, boolean shortens) {
    if (!shortens || count <= 2 * EDGE) {
      return java.util.stream.IntStream.range(0, count).toArray();
    }
    int[] out = new int[2 * EDGE + 1];
    for (int i = 0; i < EDGE; i++) {
      out[i] = i;
      out[EDGE + 1 + i] = count - EDGE + i;
    }
    out[EDGE] = -1;
    return out;
  }

  private static void appendRow(
      StringBuilder text, int[] columns, java.util.function.IntFunction<String> element) {
    text.append('[');
    // Two places in front for the brackets, one behind each open bracket's twin.
    int length = 2;
    for (int c = 0; c < columns.length; c++) {
      String word = columns[c] < 0 ? "..." : element.apply(columns[c]);
      if (c > 0) {
        boolean full = length + 1 + word.length() > LINE_WIDTH - 2;
        text.append(full ? "\n  " : " ");
        length = full ? 2 : length + 1;
      }
      text.append(word);
      length += word.length();
    }
    text.append(']');
  }

  /** numpy's format of an array of float32 numbers with one decimal. */
  private record NumpyFloats(boolean exponent, int left, int right) {

    static NumpyFloats fitting(List<Float> values) {
      double max = 0;
      double min = Double.POSITIVE_INFINITY;
      for (float value : values) {
        double size = Math.abs((double) value);
        if (size > 0 && !Double.isInfinite(size) && !Double.isNaN(size)) {
          max = Math.max(max, size);
          min = Math.min(min, size);
        }
      }
      boolean exponent = max > 0 && (max >= 1e8 || min < 1e-4 || max / min > 1000);
      int left = 0;
      int right = 0;
      for (float value : values) {
        String plain = plain(value, exponent);
        int point = plain.indexOf('.');
        if (point < 0) {
          left = Math.max(left, plain.length());
          continue;
        }
        left = Math.max(left, point);
        right = Math.max(right, plain.length() - point);
      }
      return new NumpyFloats(exponent, left, right);
    }

    String text(float value) {
      String plain = plain(value, exponent);
      int point = plain.indexOf('.');
      if (point < 0) {
        return " ".repeat(Math.max(0, left + right - plain.length())) + plain;
      }
      return " ".repeat(left - point) + plain + " ".repeat(right - (plain.length() - point));
    }

    private static String plain(float value, boolean exponent) {
      if (Float.isNaN(value)) {
        return "nan";
      }
      if (Float.isInfinite(value)) {
        return value > 0 ? "inf" : "-inf";
      }
      boolean negative = Float.floatToRawIntBits(value) < 0;
      // The exact value of the float32, ties to even.
      BigDecimal exact = new BigDecimal(Math.abs((double) value));
      String digits = exponent ? scientific(exact) : fixed(exact);
      return negative ? "-" + digits : digits;
    }

    private static String fixed(BigDecimal exact) {
      String digits = exact.setScale(1, RoundingMode.HALF_EVEN).toPlainString();
      return digits.endsWith("0") ? digits.substring(0, digits.length() - 1) : digits;
    }

    private static String scientific(BigDecimal exact) {
      if (exact.signum() == 0) {
        return "0.0e+00";
      }
      BigDecimal two = exact.round(new java.math.MathContext(2, RoundingMode.HALF_EVEN));
      int power = two.precision() - two.scale() - 1;
      String digits = two.movePointLeft(power).setScale(1, RoundingMode.UNNECESSARY).toString();
      return String.format(
          Locale.ROOT, "%se%s%02d", digits, power < 0 ? "-" : "+", Math.abs(power));
    }
  }
}
