package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenIdsTest {

  @ParameterizedTest
  @ValueSource(strings = {"1,2,3", "1, 2, 3", "1 2 3", " 1,\t2\n3 ", "[1, 2, 3]"})
  void read_anyForm_givesTheIds(String text, @TempDir Path folder) throws IOException {
    assertThat(TokenIds.read(Files.writeString(folder.resolve("ids"), text)))
        .containsExactly(1, 2, 3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " , ", "1,x", "1.5", "99999999999", "[1"})
  void read_somethingElse_isAFormatError(String text, @TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("ids"), text);
    assertThatThrownBy(() -> TokenIds.read(file))
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith(file + ": expected token ids");
  }

  @Test
  void parse_wrongNumber_isAUsageErrorThatNamesIt() {
    assertThatThrownBy(() -> TokenIds.parse("1,two,3"))
        .isInstanceOf(UsageException.class)
        .hasMessage(
            "--ids: expected numbers with commas between them, such as 1,2,3; number 2 is 'two'");
  }

  @Test
  void join_ids_canBeParsedAgain() {
    assertThat(TokenIds.parse(TokenIds.join(new int[] {5, 0, 7}))).containsExactly(5, 0, 7);
  }
}
