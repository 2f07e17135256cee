package dev.diopter.lens.patterns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.formats.Json;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class PatternPromptTest {

  /** Texts as JSON, and the hashes that pattern-lens gives them. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"test prompt\"|C7p4x9-iwFxWSKCb8kbLfQ",
        "\"\"|1B2M2Y8AsgTpgAmY7PhCfg",
        "\"a\"|DMF1ucDxtqgxw5niaXcmYQ",
        "\"hi\"|SfaKXIST7CwL9ImCHCH8Ow",
        "\"hello world\"|XrY7u-Ae7tCTyyK7j1rNww",
        "\"Hello, world!\"|bNNVbesNpUvKBgtMOUeYOQ",
        "\"the quick brown fox jumps\"|FwB3KF7MkL_E-BeSXAg-6Q",
        "\"The quick brown fox jumps over the lazy dog\"|nhB9nTcrtoJr2B01QqQZ1g",
        "\"caf\\u00e9\"|BxF_5KHr1USWXcGVcxg9og",
        "\"\\u65e5\\u672c\\u8a9e\\u30c6\\u30b9\\u30c8\"|-VcWwb2iCgLSTDHkAteV0g",
        "\"\\ud83d\\ude42\\ud83d\\ude43\"|fmEcGgMDZyvfTXY7Ra5KCQ",
        "\"line1\\nline2\\n\"|T8yCqI7jjgqhbBf1EsaFyQ",
        "\"line1\\r\\nline2\"|Ez-vUEkouFVy1qro__mIqg",
        "\" leading and trailing \"|1qzywZmgILl-BYdOA9nuqA",
        "\"e\\u0301\"|VSaGH7secaG9pqw2QxCoBw",
        "\"\\u00e9\"|Zt3Nl8_eq7L2-4qZm0vHbw",
        "\"\\u0000nul\"|itqpSBKnE8x_6YxbxxDVZQ",
        "\"\\ufeffbom\"|T6Raz_940rBYR1YqdkD5DA"
      })
  void hash_text_isThatOfPatternLens(String json, String hash) {
    String text = Json.read("test", json).stringValue();
    assertThat(PatternPrompt.hash(text)).isEqualTo(hash);
    assertThat(PatternPrompt.of(text).hash()).isEqualTo(hash);
  }

  @Test
  void of_hashThatIsThere_stays() {
    JsonNode row = Json.read("test", "{\"text\": \"x\", \"hash\": \"existing-hash\"}");
    PatternPrompt prompt = PatternPrompt.of("row", row);
    assertThat(prompt.hash()).isEqualTo("existing-hash");
    assertThat(PatternPrompt.of("row", prompt.row())).isEqualTo(prompt);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"other_field\": \"value\"}",
        "{\"text\": 3}",
        "[]",
        "null",
        "{\"text\": \"a\", \"hash\": \"../../etc\"}",
        "{\"text\": \"a\", \"hash\": \"\"}",
        "{\"text\": \"a\", \"hash\": \".\"}",
        "{\"text\": \"a\", \"hash\": 5}",
        "{\"text\": \"a\", \"hash\": \"a/b\"}",
        "{\"text\": \"a\", \"hash\": \"a\\u0000b\"}",
        "{\"text\": \"\\ud800\"}"
      })
  void of_unusableRow_isRefused(String json) {
    assertThatThrownBy(() -> PatternPrompt.of("f.jsonl line 3", Json.read("test", json)))
        .isInstanceOf(InvalidPromptException.class)
        .hasMessageStartingWith("f.jsonl line 3: expected ");
  }

  @Test
  void withTokens_row_hasNumberAndTokensAtItsEnd() {
    PatternPrompt prompt = PatternPrompt.of("a b").withTokens(List.of("a", "\u0120b"));
    assertThat(prompt.row().propertyNames())
        .containsExactly("text", "meta", "hash", "n_tokens", "tokens");
    assertThat(prompt.tokens()).containsExactly("a", "\u0120b");
    // What is there stays.
    // Those of another model go: they would stand at the wrong rows.
    PatternPrompt other = PatternPrompt.of("x", prompt.row().put("more", 1));
    assertThat(other.withTokens(List.of("a b")).tokens()).containsExactly("a b");
    assertThat(other.withTokens(List.of("a b")).row().propertyNames())
        .containsExactly("text", "meta", "hash", "n_tokens", "tokens", "more");
    assertThat(other.withTokens(List.of("a b")).row().path("n_tokens").intValue()).isEqualTo(1);
  }

  @Test
  void requireSame_otherText_namesWhatDiffers() {
    PatternPrompt a = PatternPrompt.of("r", Json.object().put("text", "a").put("hash", "h"));
    PatternPrompt b = PatternPrompt.of("r", Json.object().put("text", "b").put("hash", "h"));
    a.requireSame(a);
    assertThatThrownBy(() -> a.requireSame(b))
        .isInstanceOf(PatternsMismatchException.class)
        .hasMessageContaining("the text \"a\", found \"b\"");
  }
}
