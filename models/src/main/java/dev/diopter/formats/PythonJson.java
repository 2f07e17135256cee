package dev.diopter.formats;

import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * JSON in the bytes that Python's {@code json.dumps} gives with its defaults, for files that must
 * equal those of Python programs: {@code ", "} and {@code ": "} between the parts, everything
 * outside of printable ASCII as {@code \}{@code uxxxx}, and numbers as Python's {@code repr} writes
 * them.
 */
public final class PythonJson {
  private static final char[] HEX = "0123456789abcdef".toCharArray();

  /** Python writes exponents from this power of ten on. */
  private static final int LARGEST_PLAIN_EXPONENT = 15;

  /** Python writes exponents below this power of ten. */
  private static final int SMALLEST_PLAIN_EXPONENT = -4;

  private PythonJson() {}

  /** The value in one line, without a line end. */
  public static String text(JsonNode value) {
    StringBuilder out = new StringBuilder();
    append(out, value);
    return out.toString();
  }

  /** Writes a file of this one value, without a line end, that appears whole or not at all. */
  public static void write(JsonNode value, Path file) {
    AtomicFile.write(file, out -> write(text(value), out));
  }

  /** Writes a value and a line end, as in {@code .jsonl} files; the stream stays open. */
  public static void writeLine(JsonNode value, OutputStream out) throws IOException {
    write(text(value), out);
    out.write('\n');
  }

  private static void write(String text, OutputStream out) throws IOException {
    out.write(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static void append(StringBuilder out, JsonNode value) {
    switch (value.getNodeType()) {
      case OBJECT -> {
        String before = "{";
        for (Map.Entry<String, JsonNode> member : value.properties()) {
          string(out.append(before), member.getKey());
          append(out.append(": "), member.getValue());
          before = ", ";
        }
        out.append(value.isEmpty() ? "{}" : "}");
      }
      case ARRAY -> {
        String before = "[";
        for (JsonNode element : value) {
          append(out.append(before), element);
          before = ", ";
        }
        out.append(value.isEmpty() ? "[]" : "]");
      }
      case STRING -> string(out, value.stringValue());
      case BOOLEAN -> out.append(value.booleanValue());
      case NULL -> out.append("null");
      case NUMBER -> out.append(value.isIntegralNumber() ? value.asString() : real(value));
      default ->
          throw new IllegalArgumentException("expected plain JSON, got a " + value.getNodeType());
    }
  }

  private static void string(StringBuilder out, String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\f' -> out.append("\\f");
        case '\b' -> out.append("\\b");
        default -> {
          if (c >= ' ' && c <= '~') {
            out.append(c);
          } else {
            out.append("\\u");
            for (int shift = 12; shift >= 0; shift -= 4) {
              out.append(HEX[c >> shift & 15]);
            }
          }
        }
      }
    }
    out.append('"');
  }

  private static String real(JsonNode value) {
    return value.isFloat()
        ? repr(Double.parseDouble(Float.toString(value.floatValue())))
        : repr(value.doubleValue());
  }

  /** A number as Python's {@code repr} and {@code json} write it: {@code 1e-05}, {@code 2.0}. */
  static String repr(double value) {
    if (!Double.isFinite(value)) {
      return Double.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal shortest = shortest(Math.abs(value));
    String digits = shortest.unscaledValue().toString();
    int exponent = digits.length() - 1 - shortest.scale();
    String sign = value < 0 ? "-" : "";
    if (exponent > LARGEST_PLAIN_EXPONENT || exponent < SMALLEST_PLAIN_EXPONENT) {
      String size = Integer.toString(Math.abs(exponent));
      return sign
          + digits.charAt(0)
          + (digits.length() > 1 ? "." + digits.substring(1) : "")
          + (exponent < 0 ? "e-" : "e+")
          + (size.length() < 2 ? "0" : "")
          + size;
    }
    String plain = shortest.toPlainString();
    return sign + (plain.indexOf('.') < 0 ? plain + ".0" : plain);
  }

  /**
   * The decimal of fewest digits that reads back as the value, and of those the nearest. Java's own
   * text is that, except that it never has fewer than two digits.
   */
  private static BigDecimal shortest(double value) {
    BigDecimal two = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    if (two.precision() != 2) {
      return two;
    }
    BigDecimal exact = new BigDecimal(value);
    BigDecimal best = two;
    for (RoundingMode mode : new RoundingMode[] {RoundingMode.DOWN, RoundingMode.UP}) {
      BigDecimal one = two.round(new MathContext(1, mode)).stripTrailingZeros();
      boolean nearer =
          best.precision() == 2
              || one.subtract(exact).abs().compareTo(best.subtract(exact).abs()) < 0;
      if (one.doubleValue() == value && nearer) {
        best = one;
      }
    }
    return best;
  }
}
