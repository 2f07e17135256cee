package dev.diopter.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** On GPT-2's real vocabulary. */
class TokenLabelsTest {
  private static Tokenizer tokenizer;

  @BeforeAll
  static void load() throws IOException {
    tokenizer = TokenizerLoader.load("gpt2", new ByteArrayInputStream(Gpt2TokenizerJson.build()));
  }

  @AfterAll
  static void close() {
    tokenizer.close();
  }

  @Test
  void of_characterOfSeveralTokens_standsInTheFirst() {
    int[] e = {token(0xC3), token(0xA9)};
    assertThat(TokenLabels.of(tokenizer, e)).containsExactly("é→", "←");
    int[] smile = {token(0xF0), token(0x9F), token(0x99), token(0x82)};
    assertThat(TokenLabels.of(tokenizer, smile)).containsExactly("🙂→", "←", "←", "←");
    assertThat(TokenLabels.at(tokenizer, smile, 3)).isEqualTo("←");
  }

  @Test
  void of_bytesThatAreNoCharacter_keepTheirLabels() {
    int cat = tokenizer.encode(" cat", false).ids()[0];
    int[] broken = {token(0xC3), cat, token(0xA9), 50256, token(0xC3)};
    assertThat(TokenLabels.of(tokenizer, broken))
        .containsExactly("Ã", " cat", "©", "<|endoftext|>", "Ã");
    assertThat(TokenLabels.of(tokenizer, new int[0])).isEmpty();
  }

  @Test
  void of_anyText_readsAsTheTextAndOneTokenIsAsInTheWhole() {
    long seed = System.nanoTime();
    System.out.println("TokenLabelsTest seed " + seed);
    Random random = new Random(seed);
    int[] alphabet = {'a', ' ', '\n', 0xE9, 0x4E2D, 0x16A0, 0x1F642, 0x1F9FF, 0x10FFFD};
    for (int round = 0; round < 100; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < 20; i++) {
        int point = alphabet[random.nextInt(alphabet.length)];
        text.appendCodePoint(random.nextInt(4) == 0 ? 0x3000 + random.nextInt(0x5000) : point);
      }
      int[] ids = tokenizer.encode(text.toString(), false).ids();
      String[] labels = TokenLabels.of(tokenizer, ids);
      String joined = String.join("", labels).replace("→", "").replace("←", "");
      assertThat(joined).as("seed %d", seed).isEqualTo(text.toString());
      for (int i = 0; i < ids.length; i++) {
        assertThat(TokenLabels.at(tokenizer, ids, i)).as("seed %d", seed).isEqualTo(labels[i]);
      }
    }
  }

  private static int token(int value) {
    byte[] wanted = {(byte) value};
    for (int id = 0; id < tokenizer.size(); id++) {
      if (Arrays.equals(tokenizer.bytes(id), wanted)) {
        return id;
      }
    }
    throw new AssertionError(value);
  }
}
