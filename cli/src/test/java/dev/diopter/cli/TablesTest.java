package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class TablesTest {

  @Test
  void print_columns_standOnTheirSides() {
    assertThat(printed(new Tables().right("id").left("token").row("7", "日").row("10", "ab"), 80))
        .isEqualTo(
            """
              id  token
              ─────────
               7  日
              10  ab
            """);
  }

  @Test
  void print_lastColumnTooWide_wrapsAtBlanks() {
    Tables table =
        new Tables().left("a").left("text").row("x", "one two three four five six seven");
    assertThat(printed(table, 25))
        .isEqualTo(
            """
              a  text
              ───────────────────────
              x  one two three four
                 five six seven
            """);
  }

  @Test
  void row_wrongNumberOfCells_isRefused() {
    assertThatThrownBy(() -> new Tables().left("a").row("x", "y"))
        .hasMessage("expected 1 cells, got 2");
  }

  @Test
  void wrap_longWord_staysWhole() {
    assertThat(Tables.wrap("a verylongword b", 6)).containsExactly("a", "verylongword", "b");
  }

  private static String printed(Tables table, int width) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    table.print(out, width, Style.plain());
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
