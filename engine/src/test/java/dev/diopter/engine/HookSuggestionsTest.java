package dev.diopter.engine;

import static dev.diopter.engine.PlanConfigs.GPT2;
import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.EditDistance;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HookSuggestionsTest {

  @ParameterizedTest
  @CsvSource({
    "'', abc, 3",
    "abc, '', 3",
    "ab, ba, 1",
    "xaby, xbay, 1",
    "ab, cd, 2",
    "kitten, sitting, 3",
    "same, same, 0"
  })
  void distance_twoTexts_countsChangesAndSwaps(String a, String b, int expected) {
    assertThat(EditDistance.between(a, b)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "blocks.5.hook_resid_prex, blocks.5.hook_resid_pre",
    "blocks.6.hook_resid_prex, blocks.*.hook_resid_pre",
    "blocks.-6.hook_resid_prex, blocks.-6.hook_resid_pre",
    "blocks.-7.hook_resid_prex, blocks.*.hook_resid_pre",
  })
  void unknown_layer_isKeptWhereTheModelHasIt(String text, String nearest) {
    assertThat(HookSuggestions.unknown(text, GPT2)).contains("did you mean " + nearest);
  }

  @Test
  void unknown_severalNearNames_areAllNamed() {
    assertThat(HookSuggestions.unknown("attn_ot:1", GPT2))
        .contains("blocks.1.hook_attn_out or ", "blocks.1.hook_attn_in");
  }

  @Test
  void quote_longText_isCut() {
    assertThat(HookSuggestions.quote("x".repeat(80))).isEqualTo("\"" + "x".repeat(80) + "\"");
    assertThat(HookSuggestions.quote("x".repeat(81))).isEqualTo("\"" + "x".repeat(80) + "...\"");
  }
}
