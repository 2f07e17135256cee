package dev.diopter.lens.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AttentionDataTest {
  private static final List<String> TEXTS =
      List.of(
          "Anna found a white coin in the market. She put the coin in her bag. Then Anna went home.",
          "short",
          "",
          "The capital of Peru is Lima. The capital of Chile is Santiago. In Lima people speak Spanish.",
          "He said \u201cno\u201d  .  Then a smile \ud83d\ude42 and another \ud83d\ude42\ud83d\ude42\ud83d\ude42 came \u2019 at once");
  private static final HeadId HEAD = new HeadId(2, 1);

  private static Model model;
  @TempDir Path folder;

  @BeforeAll
  static void open() {
    model = Model.open("demo-gpt2", new ModelOptions("cpu", 1));
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static AttentionData data() {
    return AttentionData.of(model, Corpus.of(TEXTS));
  }

  private static List<String> bits(AttentionResult result) {
    List<String> all = new ArrayList<>();
    for (Entry e : result.rows()) {
      all.add(
          "%d %d %d %d %s %s"
              .formatted(
                  e.text(),
                  e.start(),
                  e.query(),
                  e.key(),
                  Float.toHexString(e.weight()),
                  Double.toHexString(e.multiple())));
    }
    return all;
  }

  @ParameterizedTest
  @EnumSource(ScoreMode.class)
  void ranked_anyBatching_givesTheSameBits(ScoreMode mode) {
    AttentionQuery query = AttentionQuery.of(HEAD).mode(mode);
    List<String> whole = bits(data().ranked(query, 10_000, false));
    assertThat(whole).isNotEmpty();
    assertThat(bits(data().batches(1).ranked(query, 10_000, false))).isEqualTo(whole);
    assertThat(bits(data().batches(50).ranked(query, 10_000, false))).isEqualTo(whole);
  }

  @Test
  void ranked_textAmongOthers_givesTheSameAsAlone() {
    AttentionQuery query = AttentionQuery.of(HEAD);
    List<String> alone =
        bits(
            AttentionData.of(model, Corpus.of(List.of(TEXTS.get(3)))).ranked(query, 10_000, false));
    List<String> among =
        bits(data().ranked(query, 10_000, false)).stream().filter(r -> r.startsWith("3 ")).toList();
    assertThat(among.stream().map(r -> r.substring(2)).toList())
        .isEqualTo(alone.stream().map(r -> r.substring(2)).toList());
  }

  @Test
  void random_seed_decidesADistinctChoice() {
    AttentionQuery query = AttentionQuery.of(HEAD);
    AttentionResult all = data().random(query, 100_000, 5);
    assertThat(all.rows()).hasSize((int) all.entries());
    List<String> ten = bits(data().random(query, 10, 5));
    assertThat(ten).isEqualTo(bits(all).subList(0, 10));
    assertThat(new HashSet<>(ten)).hasSize(10);
    assertThat(bits(data().batches(1).random(query, 10, 5))).isEqualTo(ten);
    assertThat(bits(data().random(query, 10, 6))).isNotEqualTo(ten);
  }

  @Test
  void ranked_lowestAndHighest_areTheEndsOfAll() {
    AttentionQuery query = AttentionQuery.of(HEAD);
    List<Entry> all = data().ranked(query, 100_000, false).rows();
    assertThat(all).isSortedAccordingTo(EntryOrder.EXACT.wanted(false));
    List<Entry> lowest = data().ranked(query, 7, true).rows();
    assertThat(lowest.getFirst().multiple()).isEqualTo(all.getLast().multiple());
    assertThat(bits(data().ranked(query, 7, false)))
        .isEqualTo(bits(data().ranked(query, 100_000, false)).subList(0, 7));
  }

  @Test
  void ranked_idOutsideTheVocabulary_isRefused() {
    int size = model.tokenizer().size();
    TokenFilter filter =
        new TokenFilter(TokenFilter.Side.KEY, TokenFilter.Match.ID, Integer.toString(size));
    assertThatThrownBy(() -> data().ranked(AttentionQuery.of(HEAD).filter(filter), 10, false))
        .isInstanceOf(UsageException.class)
        .hasMessage("--token: expected a token id from 0 to %d, got %d", size - 1, size);
  }

  @Test
  void ranked_filters_keepWhatTheyName() {
    AttentionQuery query = AttentionQuery.of(HEAD).mode(ScoreMode.RAW);
    AttentionResult lima = data().ranked(query.filter(TokenFilter.key(" capital")), 1000, false);
    assertThat(lima.rows()).isNotEmpty();
    assertThat(lima.matching()).isLessThan(lima.entries());
    int id = java.util.Objects.requireNonNull(model.tokenizer().singleToken(" capital"));
    assertThat(lima.rows()).allMatch(e -> e.keyId() == id);
    for (TokenFilter same :
        List.of(
            new TokenFilter(TokenFilter.Side.KEY, TokenFilter.Match.ID, "" + id),
            new TokenFilter(TokenFilter.Side.KEY, TokenFilter.Match.TRIMMED, "capital"),
            new TokenFilter(TokenFilter.Side.KEY, TokenFilter.Match.REGEX, "^ capi.al$"))) {
      assertThat(bits(data().ranked(query.filter(same), 1000, false))).isEqualTo(bits(lima));
    }
    assertThat(data().ranked(query.filter(TokenFilter.key("capital")), 9, false).rows()).isEmpty();
    AttentionResult byQuery =
        data()
            .ranked(
                query.filter(
                    new TokenFilter(TokenFilter.Side.QUERY, TokenFilter.Match.EXACT, " Chile")),
                1000,
                false);
    assertThat(byQuery.rows())
        .isNotEmpty()
        .allMatch(e -> model.tokenizer().label(e.queryId()).equals(" Chile"));
    assertThatThrownBy(() -> new TokenFilter(TokenFilter.Side.KEY, TokenFilter.Match.REGEX, "(("))
        .isInstanceOf(UsageException.class);
  }

  @Test
  void ranked_windows_coverALongText() {
    Sampling windows = Sampling.DEFAULT.lengths(0, 8).stride(8);
    AttentionResult result =
        AttentionData.of(model, Corpus.of(List.of(TEXTS.getFirst())))
            .ranked(AttentionQuery.of(HEAD).sampling(windows), 1000, false);
    int tokens = model.prompt(TEXTS.getFirst()).length();
    assertThat(result.samples()).isEqualTo(tokens);
    Set<Integer> starts = new HashSet<>();
    result.rows().forEach(e -> starts.add(e.start()));
    assertThat(starts).contains(0, 8, 16).allMatch(s -> s % 8 == 0);
    AttentionResult bos =
        AttentionData.of(model, Corpus.of(List.of(TEXTS.getFirst())))
            .ranked(AttentionQuery.of(HEAD).sampling(windows.bos(true)), 1000, false);
    assertThat(bos.rows()).allMatch(e -> e.ids()[0] == 0 && e.ids().length <= 8);
  }

  @Test
  void ranked_longText_givesWhatItsBeginningGives() {
    String text = TEXTS.get(3).concat(" ").repeat(400);
    AttentionQuery query = AttentionQuery.of(HEAD);
    AttentionResult whole =
        AttentionData.of(model, Corpus.of(List.of(text))).ranked(query, 99, false);
    AttentionResult start =
        AttentionData.of(model, Corpus.of(List.of(text.substring(0, 600))))
            .ranked(query, 99, false);
    assertThat(whole.samples()).isEqualTo(20);
    assertThat(bits(whole)).isEqualTo(bits(start));
  }

  @Test
  void ranked_sampling_countsAsDocumented() {
    AttentionQuery query = AttentionQuery.of(HEAD);
    long expected = 0;
    for (String text : TEXTS) {
      int n = text.isEmpty() ? 0 : model.prompt(text).length();
      expected += Math.max(0, Math.min(n, 30) - 10);
    }
    AttentionResult result = data().ranked(query, 3, false);
    assertThat(result.samples()).isEqualTo(expected);
    assertThat(result.texts()).isEqualTo(TEXTS.size());
    assertThat(data().ranked(query.sampling(Sampling.DEFAULT.maxTexts(1)), 3, false).texts())
        .isEqualTo(1);
    assertThat(data().ranked(query.sampling(Sampling.DEFAULT.queryStride(5)), 3, false).samples())
        .isLessThan(expected);
    assertThatThrownBy(
            () -> data().ranked(query.sampling(Sampling.DEFAULT.lengths(1, 1000)), 3, false))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("context");
    assertThatThrownBy(() -> data().ranked(AttentionQuery.of(new HeadId(9, 0)), 3, false))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected 0 to 5");
  }

  @Test
  void ranked_cutCharacters_keepLabelsInStep() {
    Sampling all = Sampling.DEFAULT.lengths(0, 12);
    List<Entry> rows =
        AttentionData.of(model, Corpus.of(List.of(TEXTS.getLast())))
            .ranked(AttentionQuery.of(HEAD).mode(ScoreMode.RAW).sampling(all), 1000, false)
            .rows();
    int[] ids = model.prompt(TEXTS.getLast()).ids();
    assertThat(rows).isNotEmpty();
    for (Entry e : rows) {
      assertThat(e.keyId()).isEqualTo(ids[e.key()]);
      assertThat(e.row()).hasSize(e.query() + 1);
      assertThat(e.row()[e.key()]).isEqualTo(e.weight());
    }
  }

  @Test
  void ranked_textThatBeginsWithPadding_givesCompatNothing() {
    AttentionQuery query = AttentionQuery.of(HEAD).sampling(Sampling.DEFAULT.bos(true));
    assertThat(data().ranked(query.mode(ScoreMode.COMPAT), 3, false).samples()).isZero();
    assertThat(data().ranked(query, 3, false).samples()).isPositive();
  }

  @Test
  void corpus_filesAndFolders_readLineByLine() throws IOException {
    Files.writeString(folder.resolve("b.txt"), "one\n\ntwo\r\nthree");
    Files.writeString(folder.resolve("a.jsonl"), "{\"text\": \"zero\", \"x\": 1}\n\n");
    Files.writeString(folder.resolve("c.md"), "no");
    assertThat(read(Corpus.of(folder))).containsExactly("zero", "one", "", "two", "three");
    Corpus again = Corpus.of(folder.resolve("a.jsonl"));
    assertThat(read(again)).isEqualTo(read(again)).containsExactly("zero");
    Path bad =
        Files.writeString(folder.resolve("bad.jsonl"), "{\"text\": \"a\"}\n{\"texts\": 1}\n");
    assertThatThrownBy(() -> read(Corpus.of(bad)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("bad.jsonl line 2: expected an object with a string \"text\"");
    Path bytes = folder.resolve("bytes.txt");
    Files.write(bytes, "ok\n\u00e9".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> read(Corpus.of(bytes)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("expected UTF-8");
    assertThatThrownBy(() -> Corpus.of(folder.resolve("none"))).isInstanceOf(FormatException.class);
  }

  @Test
  void corpus_byteOrderMark_isPassedOver() throws IOException {
    Path lines = Files.writeString(folder.resolve("m.txt"), "\ufeffone\n\ufefftwo");
    assertThat(read(Corpus.of(lines))).containsExactly("one", "\ufefftwo");
    assertThat(read(Corpus.of(Files.writeString(lines, "\ufeff")))).isEmpty();
    Path rows = Files.writeString(folder.resolve("m.jsonl"), "\ufeff{\"text\": \"one\"}\n");
    assertThat(read(Corpus.of(rows))).containsExactly("one");
  }

  private static List<String> read(Corpus corpus) {
    List<String> all = new ArrayList<>();
    try (Corpus.Texts texts = corpus.open()) {
      for (String text = texts.next(); text != null; text = texts.next()) {
        all.add(text);
      }
    }
    return all;
  }
}
