package dev.diopter.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonLinesTest {
  @TempDir Path folder;

  @Test
  void next_blankLinesAndNoLastLineEnd_givesEachValue() throws IOException {
    Path file = Files.writeString(folder.resolve("a.jsonl"), "1\n\n \t\r\n[2]\r\n\"\u00e9\"");
    try (JsonLines lines = JsonLines.open(file)) {
      assertThat(lines.next()).isTrue();
      assertThat(lines.value().intValue()).isEqualTo(1);
      assertThat(lines.next()).isTrue();
      assertThat(lines.value().get(0).intValue()).isEqualTo(2);
      assertThat(lines.next()).isTrue();
      assertThat(lines.value().stringValue()).isEqualTo("\u00e9");
      assertThat(lines.where()).isEqualTo(file + " line 5");
      assertThat(lines.next()).isFalse();
    }
  }

  @Test
  void next_byteOrderMark_isPassedOverInFrontAlone() throws IOException {
    for (String text : new String[] {"", "1", "\n1\n"}) {
      Path file = Files.writeString(folder.resolve("b.jsonl"), "\ufeff" + text);
      try (JsonLines lines = JsonLines.open(file)) {
        assertThat(lines.next()).isEqualTo(!text.isEmpty());
        if (!text.isEmpty()) {
          assertThat(lines.value().intValue()).isEqualTo(1);
        }
      }
    }
    Path twice = Files.writeString(folder.resolve("c.jsonl"), "1\n\ufeff2\n");
    try (JsonLines lines = JsonLines.open(twice)) {
      assertThat(lines.next()).isTrue();
      assertThat(lines.next()).isTrue();
      assertThatThrownBy(lines::value).isInstanceOf(FormatException.class);
    }
  }

  @Test
  void value_brokenLine_namesItAndReadingGoesOn() throws IOException {
    Path file = Files.writeString(folder.resolve("a.jsonl"), "{\"a\": 1}\n{\"a\": \n3\n");
    try (JsonLines lines = JsonLines.open(file)) {
      lines.next();
      assertThat(lines.next()).isTrue();
      assertThatThrownBy(lines::value)
          .isInstanceOf(FormatException.class)
          .hasMessageStartingWith(file + " line 2: expected valid JSON, found this");
      assertThat(lines.next()).isTrue();
      assertThat(lines.value().intValue()).isEqualTo(3);
    }
  }

  @Test
  void open_missingFileOrFolder_isRefused() {
    assertThatThrownBy(() -> JsonLines.open(folder.resolve("none")))
        .isInstanceOf(FormatException.class)
        .hasMessageEndingWith("expected a file of JSON lines, found none");
    assertThatThrownBy(() -> JsonLines.open(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageEndingWith("found a folder; give the file");
  }
}
