package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class OpeningTokenizerTest {
  @Test
  void close_tokenizerThatNeverOpened_saysNothing() {
    NoClassDefFoundError error = new NoClassDefFoundError("tokenizers");
    OpeningTokenizer tokenizer =
        OpeningTokenizer.start(() -> {
          throw error;
        });
    assertThatThrownBy(tokenizer::get).isSameAs(error);
    assertThatCode(tokenizer::close).doesNotThrowAnyException();
  }
}
