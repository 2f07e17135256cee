package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ' Mary'       | ␣Mary
          '  a'         | ␣␣a
          'é日'          | é日
          'a\\b'        | a\\\\b
          '␣'           | \\u{2423}
          """)
  void visible_text_showsBlanksAndStaysUnambiguous(String text, String shown) {
    assertThat(Text.visible(text)).isEqualTo(shown);
  }

  @Test
  void visible_controlAndFormatCharacters_areEscaped() {
    assertThat(Text.visible("a\nb\tc\r")).isEqualTo("a\\nb\\tc\\r");
    assertThat(Text.visible("\u001b[31m")).isEqualTo("\\u{1b}[31m");
    assertThat(Text.visible("\u202e\u00a0\ud800")).isEqualTo("\\u{202e}\\u{a0}\\u{d800}");
  }

  @Test
  void harmless_escapeSequence_losesItsPower() {
    assertThat(Text.harmless("a\u001b[2Jb\nc\td")).isEqualTo("a\\u{1b}[2Jb\nc\td");
  }

  @Test
  void width_wideCombiningAndColoured_countsCells() {
    assertThat(Text.width("abc")).isEqualTo(3);
    assertThat(Text.width("日本")).isEqualTo(4);
    assertThat(Text.width("e\u0301")).isEqualTo(1);
    assertThat(Text.width("😀")).isEqualTo(2);
    assertThat(Text.width("\u001b[1mab\u001b[0m")).isEqualTo(2);
  }

  @Test
  void fit_longText_isCutToTheCells() {
    assertThat(Text.fit("abcdef", 6)).isEqualTo("abcdef");
    assertThat(Text.fit("abcdef", 5)).isEqualTo("abcd…");
    assertThat(Text.fit("日本語", 5)).isEqualTo("日本…");
    assertThat(Text.fit("日本語", 4)).isEqualTo("日…");
  }

  @Test
  void pad_wideText_fillsToCells() {
    assertThat(Text.padRight("日", 4)).isEqualTo("日  ");
    assertThat(Text.padLeft("日", 4)).isEqualTo("  日");
  }
}
