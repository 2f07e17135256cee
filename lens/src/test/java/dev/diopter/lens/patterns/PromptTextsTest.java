package dev.diopter.lens.patterns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ObjectNode;

class PromptTextsTest {
  private static final String E = "\u00e9";
  private static final String SMILE = "\ud83d\ude42";

  @TempDir Path folder;

  @Test
  void load_bounds_giveThePiecesOfPatternLens() throws IOException {
    Path file = write("abc", "abcdefghij", "", "0123456789ab", E.repeat(7));
    assertThat(texts(file, null, 4))
        .containsExactly(
            "abc", "abcd", "efgh", "ij", "", "0123", "4567", "89ab", E.repeat(4), E.repeat(3));
    assertThat(texts(file, 3, 4))
        .containsExactly("abc", "abcd", "efgh", "0123", "4567", "89ab", E.repeat(4), E.repeat(3));
    assertThat(texts(file, 2, 5))
        .containsExactly("abc", "abcde", "fghij", "01234", "56789", "ab", E.repeat(5), E.repeat(2));
    assertThat(texts(file, 4, 4))
        .containsExactly("abcd", "efgh", "0123", "4567", "89ab", E.repeat(4));
    assertThat(texts(file, 5, 3)).isEmpty();
    assertThat(texts(file, null, null)).hasSize(5);
    assertThat(texts(write(SMILE.repeat(5) + "ab"), null, 3))
        .containsExactly(SMILE.repeat(3), SMILE.repeat(2) + "a", "b");
  }

  @Test
  void load_anyBounds_piecesAreTheText() throws IOException {
    long seed = 99;
    Random random = new Random(seed);
    for (int i = 0; i < 100; i++) {
      StringBuilder text = new StringBuilder();
      random
          .ints(random.nextInt(40), 0, 3)
          .forEach(c -> text.append(c == 0 ? "a" : c == 1 ? E : SMILE));
      int most = 1 + random.nextInt(12);
      List<String> pieces = texts(write(text.toString()), null, most);
      assertThat(String.join("", pieces)).as("seed %d", seed).isEqualTo(text.toString());
      assertThat(pieces.subList(0, pieces.size() - 1))
          .allMatch(piece -> piece.codePointCount(0, piece.length()) == most);
    }
  }

  @Test
  void load_rows_keepTheirKeysAndSayWhereTheyComeFrom() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("rows.jsonl"),
            "{\"meta\": {\"pile_set_name\": \"x\"}, \"text\": \"abcd\", \"source_fname\": \"old\"}\n");
    List<ObjectNode> rows = new PromptTexts(null, 3, null).load(folder.resolve("./rows.jsonl"));
    assertThat(rows).hasSize(2);
    assertThat(rows.get(1).propertyNames()).containsExactly("meta", "text", "source_fname");
    assertThat(rows.get(1).path("text").stringValue()).isEqualTo("d");
    assertThat(rows.get(1).path("source_fname").stringValue()).isEqualTo(file.toString());
    assertThat(new PromptTexts(null, null, null).load(file).getFirst().path("meta").size())
        .isEqualTo(1);
  }

  @Test
  void read_rowThatIsNoPrompt_namesItsLineAndGoesOn() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("rows.jsonl"),
            "{\"text\": \"a\"}\n{\"text\": \"\\ud800\"}\n{\"text\": \"b\", \"hash\": 5}\n{\"text\": \"c\"}\n");
    List<String> texts = new ArrayList<>();
    List<String> broken = new ArrayList<>();
    PromptTexts.AS_THEY_ARE.read(
        file,
        row -> texts.add(row.path("text").stringValue()),
        e -> broken.add(String.valueOf(e.getMessage())));
    assertThat(texts).containsExactly("a", "c");
    assertThat(broken.get(0)).startsWith(file + " line 2: expected ").contains("surrogate");
    assertThat(broken.get(1)).startsWith(file + " line 3: expected a \"hash\"");
  }

  @Test
  void load_shuffled_dependsOnTheSeedAlone() throws IOException {
    String[] all = new String[50];
    Arrays.setAll(all, Integer::toString);
    Path file = write(all);
    List<String> first = texts(new PromptTexts(null, null, 5L), file);
    assertThat(first).containsExactlyInAnyOrder(all).isNotEqualTo(List.of(all));
    assertThat(texts(new PromptTexts(null, null, 5L), file)).isEqualTo(first);
    assertThat(texts(new PromptTexts(null, null, 6L), file)).isNotEqualTo(first);
  }

  @Test
  void read_brokenLines_areToldAndTheOthersGiven() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("bad.jsonl"),
            "{\"text\": \"a\"}\n{\"text\": \n\n{\"no\": 1}\n{\"text\": \"b\"}");
    List<String> texts = new ArrayList<>();
    List<String> broken = new ArrayList<>();
    PromptTexts.AS_THEY_ARE.read(
        file, row -> texts.add(row.path("text").stringValue()), e -> broken.add(e.getMessage()));
    assertThat(texts).containsExactly("a", "b");
    assertThat(broken).hasSize(2);
    assertThat(broken.get(0)).startsWith(file + " line 2: expected valid JSON");
    assertThat(broken.get(1)).startsWith(file + " line 4: expected an object with a string");
    assertThatThrownBy(() -> PromptTexts.AS_THEY_ARE.load(file))
        .isInstanceOf(FormatException.class);
  }

  @Test
  void read_sinkThatHasEnough_getsNoMore() throws IOException {
    Path file = write("abcdef", "x");
    List<ObjectNode> rows = new ArrayList<>();
    new PromptTexts(null, 2, null)
        .read(
            file,
            row -> {
              rows.add(row);
              return rows.size() < 2;
            },
            e -> {});
    assertThat(rows).hasSize(2);
  }

  @Test
  void bounds_thatCannotBe_areRefused() {
    assertThatThrownBy(() -> new PromptTexts(null, 0, null)).isInstanceOf(UsageException.class);
    assertThatThrownBy(() -> new PromptTexts(-1, null, null)).isInstanceOf(UsageException.class);
  }

  private List<String> texts(Path file, @Nullable Integer min, @Nullable Integer max) {
    return texts(new PromptTexts(min, max, null), file);
  }

  private static List<String> texts(PromptTexts options, Path file) {
    return options.load(file).stream().map(row -> row.path("text").stringValue()).toList();
  }

  private Path write(String... texts) throws IOException {
    Path file = folder.resolve("texts.jsonl");
    Files.deleteIfExists(file);
    StringBuilder lines = new StringBuilder();
    for (String text : texts) {
      lines.append(Json.compact(Json.object().put("text", text))).append('\n');
    }
    return Files.writeString(file, lines);
  }
}
