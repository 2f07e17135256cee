package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class NumbersTest {

  @Test
  void fixed_smallNegativeNumbers_areZeroWithoutASign() {
    assertThat(Numbers.fixed(-0.0004, 3)).isEqualTo("0.000");
    assertThat(Numbers.fixed(-0.0, 2)).isEqualTo("0.00");
    assertThat(Numbers.fixed(-0.006, 2)).isEqualTo("-0.01");
  }

  @Test
  void fixed_value_hasItsDecimals() {
    assertThat(Numbers.fixed(1.23456, 2)).isEqualTo("1.23");
    assertThat(Numbers.fixed(-0.5, 3)).isEqualTo("-0.500");
    assertThat(Numbers.fixed(1e-9, 6)).isEqualTo("0.000000");
    assertThat(Numbers.fixed(Double.NaN, 2)).isEqualTo("NaN");
    assertThat(Numbers.fixed(Double.NEGATIVE_INFINITY, 2)).isEqualTo("-Infinity");
  }

  @Test
  void grouped_value_hasCommas() {
    assertThat(Numbers.grouped(0)).isEqualTo("0");
    assertThat(Numbers.grouped(999)).isEqualTo("999");
    assertThat(Numbers.grouped(1_238_656)).isEqualTo("1,238,656");
    assertThat(Numbers.grouped(-1000)).isEqualTo("-1,000");
  }

  @Test
  void bytes_size_hasTheUnitThatFits() {
    assertThat(Numbers.bytes(1)).isEqualTo("1 byte");
    assertThat(Numbers.bytes(999)).isEqualTo("999 bytes");
    assertThat(Numbers.bytes(1_440)).isEqualTo("1.4 kB");
    assertThat(Numbers.bytes(999_400)).isEqualTo("999 kB");
    assertThat(Numbers.bytes(999_500)).isEqualTo("1.0 MB");
    assertThat(Numbers.bytes(270_000_000)).isEqualTo("270 MB");
    assertThat(Numbers.bytes(Long.MAX_VALUE)).isEqualTo("9223372 TB");
  }

  @Test
  void count_parameters_areShort() {
    assertThat(Numbers.count(12)).isEqualTo("12");
    assertThat(Numbers.count(134_515_008)).isEqualTo("135M");
  }

  @Test
  void duration_span_isRounded() {
    assertThat(Numbers.duration(87_400_000)).isEqualTo("87 ms");
    assertThat(Numbers.duration(1_440_000_000L)).isEqualTo("1.4 s");
    assertThat(Numbers.duration(73_000_000_000L)).isEqualTo("73 s");
  }
}
