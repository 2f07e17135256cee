package dev.diopter.lens.attention;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.formats.Json;
import dev.diopter.models.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * What attention-data itself computes on the demo models, see fixtures/lens-cases: counts, the
 * first 25 of the ranking, sums.
 */
class AttentionDataCasesTest {
  private static final double TIE = 1e-4;

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void ranked_rawAndCompat_giveTheOriginalsCountsListsAndSums(String name) {
    Path file =
        Path.of(System.getProperty("diopter.root"))
            .resolve("fixtures/lens-cases")
            .resolve(name)
            .resolve("attention-data.json");
    JsonNode expected = Json.read(file);
    List<String> texts = new ArrayList<>();
    expected.get("texts").forEach(t -> texts.add(t.stringValue()));
    try (Model model = Model.open(name, new ModelOptions("cpu", 2))) {
      AttentionData data = AttentionData.of(model, Corpus.of(texts));
      for (String head : expected.get("heads").propertyNames()) {
        HeadId id = new HeadId(head.charAt(1) - '0', head.charAt(3) - '0');
        for (ScoreMode mode : List.of(ScoreMode.RAW, ScoreMode.COMPAT)) {
          String key = mode == ScoreMode.RAW ? "raw" : "suppressed";
          JsonNode wanted = expected.get("heads").get(head).get(key);
          AttentionResult all =
              data.ranked(AttentionQuery.of(id).mode(mode), Integer.MAX_VALUE, false);
          assertCase(name + " " + head + " " + key, all, wanted, model.tokenizer());
        }
      }
    }
  }

  private static void assertCase(
      String what, AttentionResult all, JsonNode wanted, Tokenizer tokenizer) {
    long nearOne = all.rows().stream().filter(e -> Math.abs(e.multiple() - 1) <= 1e-5).count();
    assertThat(all.samples()).as(what).isEqualTo(wanted.get("samples").intValue());
    assertThat(Math.abs(all.entries() - wanted.get("entries").longValue()))
        .as("%s: entries, %d of them near 1", what, nearOne)
        .isLessThanOrEqualTo(nearOne);
    assertThat(all.rows()).hasSize((int) all.entries());
    assertThat(Math.abs(all.sumOfMultiples() - wanted.get("sum_of_multiples").doubleValue()))
        .as(what)
        .isLessThan(0.5);
    JsonNode list = wanted.get("top25");
    boolean ties = all.rows().stream().limit(40).anyMatch(AttentionDataCasesTest::isTie);
    for (int i = 0; i < list.size(); i++) {
      JsonNode row = list.get(i);
      Entry got = all.rows().get(i);
      if (ties) {
        assertThat(Math.abs(got.multiple() - row.get(1).doubleValue()))
            .as("%s, %d", what, i)
            .isLessThan(0.05 + 2 * TIE);
        continue;
      }
      assertThat(tokenizer.label(got.keyId()))
          .as("%s, %d", what, i)
          .isEqualTo(row.get(0).stringValue());
      assertThat(Multiples.rounded(got.multiple()))
          .as("%s, %d", what, i)
          .isEqualTo(row.get(1).doubleValue());
      assertThat(tokenizer.decode(got.prefix()))
          .as("%s, %d", what, i)
          .isEqualTo(row.get(2).stringValue());
    }
  }

  private static boolean isTie(Entry entry) {
    double tenths = entry.multiple() * 10;
    return Math.abs(tenths - Math.floor(tenths) - 0.5) <= 10 * TIE;
  }
}
