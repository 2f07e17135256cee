package dev.diopter.lens.tuned.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.Model;
import dev.diopter.lens.attention.Corpus;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TokenChunksTest {
  private static Model model;

  @BeforeAll
  static void open() {
    model = Demo.open("demo-gpt2");
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @Test
  void next_someTexts_packsThemBehindSeparators() {
    List<String> texts = List.of("When Mary and John", "", "The capital of France is Paris.");
    List<Integer> all = new ArrayList<>();
    for (String text : List.of(texts.get(0), texts.get(2))) {
      all.add(0);
      for (int id : model.tokenizer().encode(text, false).ids()) {
        all.add(id);
      }
    }
    List<Integer> found = new ArrayList<>();
    try (TokenChunks chunks = LensData.ofTexts(model, List.of(Corpus.of(texts)), 4).open()) {
      for (int[] chunk = chunks.next(); chunk != null; chunk = chunks.next()) {
        assertThat(chunk).hasSize(4);
        for (int id : chunk) {
          found.add(id);
        }
      }
      assertThat(chunks.tokens()).isEqualTo(all.size());
      assertThat(chunks.bytes())
          .isEqualTo(texts.get(0).length() + texts.get(2).length() + 2L * "<|endoftext|>".length());
    }
    assertThat(found).isEqualTo(all.subList(0, all.size() / 4 * 4));
  }

  @Test
  void next_moreThanABatchOfTexts_dropsItsRest() {
    List<String> texts = new ArrayList<>(Collections.nCopies(TokenChunks.BATCH + 1, "sun moon"));
    int each = 1 + model.tokenizer().encode("sun moon", false).ids().length;
    int length = 7;
    LensData data = LensData.ofTexts(model, List.of(Corpus.of(texts)), length);
    LensData.Survey survey = data.survey(Long.MAX_VALUE);
    long ofBatch = (long) TokenChunks.BATCH * each / length;
    assertThat(survey.chunks()).isEqualTo(ofBatch);
    assertThat(survey.tokens()).isEqualTo((TokenChunks.BATCH + 1L) * each);
    assertThat(survey.natsToBitsPerByte())
        .isCloseTo((double) survey.tokens() / survey.bytes() / Math.log(2), within(1e-12));
    assertThat(data.survey(3).chunks()).isEqualTo(3);
  }

  @Test
  void shuffled_sameSeed_givesEachChunkOnceInTheSameOrder() {
    LensData data = Demo.texts(model, "held-out", 32);
    List<int[]> plain = new ArrayList<>();
    try (TokenChunks chunks = data.open()) {
      for (int i = 0; i < 40; i++) {
        plain.add(chunks.next());
      }
    }
    List<int[]> first;
    List<int[]> rest;
    try (ShuffledChunks chunks = new ShuffledChunks(data, 40, 7)) {
      first = chunks.next(40);
    }
    try (ShuffledChunks chunks = new ShuffledChunks(data, 40, 7)) {
      chunks.skip(25);
      rest = chunks.next(15);
    }
    assertThat(rest).usingRecursiveComparison().isEqualTo(first.subList(25, 40));
    assertThat(first.stream().map(java.util.Arrays::toString))
        .containsExactlyInAnyOrderElementsOf(
            plain.stream().map(java.util.Arrays::toString).toList());
    assertThat(first.getFirst()).isNotEqualTo(plain.getFirst());
  }
}
