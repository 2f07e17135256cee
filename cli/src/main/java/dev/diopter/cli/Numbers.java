package dev.diopter.cli;

import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * Numbers as people read them. Independent of the locale; {@code String.format} would cost tens of
 * milliseconds at start-up.
 */
final class Numbers {
  private static final String[] UNITS = {"kB", "MB", "GB", "TB"};
  private static final String[] COUNTS = {"k", "M", "B", "T"};

  private Numbers() {}

  /** With this many decimals; not-a-number and the infinities by name. */
  static String fixed(double value, int decimals) {
    if (!Double.isFinite(value)) {
      return Double.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    }
    BigDecimal rounded = new BigDecimal(value).setScale(decimals, RoundingMode.HALF_EVEN);
    return rounded.toPlainString();
  }

  /** With one point to mark the decimals and a comma before every third digit. */
  static String grouped(long value) {
    String digits = Long.toString(Math.absExact(value));
    StringBuilder text = new StringBuilder(value < 0 ? "-" : "");
    for (int i = 0; i < digits.length(); i++) {
      if (i > 0 && (digits.length() - i) % 3 == 0) {
        text.append(',');
      }
      text.append(digits.charAt(i));
    }
    return text.toString();
  }

  /** A size in decimal units: 999 bytes, 1.4 kB, 270 MB. */
  static String bytes(long bytes) {
    return bytes == 1 ? "1 byte" : scaled(bytes, " ", UNITS, " bytes");
  }

  /** A count in decimal units: 999, 1.4k, 135M. */
  static String count(long count) {
    return scaled(count, "", COUNTS, "");
  }

  /** A span of time: 87 ms, 1.4 s, 73 s. */
  static String duration(long nanoseconds) {
    long millis = Math.round(nanoseconds / 1e6);
    return millis < 1000 ? millis + " ms" : fixed(millis / 1e3, millis < 10_000 ? 1 : 0) + " s";
  }

  private static String scaled(long value, String gap, String[] units, String small) {
    if (value < 1000) {
      return value + small;
    }
    double rest = value;
    int unit = -1;
    // 999.5 and more would round up to four digits.
    while (rest >= 999.5 && unit < units.length - 1) {
      rest /= 1000;
      unit++;
    }
    return fixed(rest, rest < 9.95 ? 1 : 0) + gap + units[unit];
  }
}
