package dev.diopter.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.EncodingType;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** GPT-2's real vocabulary, against numbers of the original and against another implementation. */
class Gpt2TokenizerTest {
  private static final String TEXT =
      "Héllo world, the cat sat 🙂 on tokenization.<|endoftext|>  2 spaces";
  private static final int[] IDS = {
    39, 2634, 18798, 995, 11, 262, 3797, 3332, 32485, 319, 11241, 1634, 13, 50256, 220, 362, 9029
  };

  private static Tokenizer tokenizer;
  private static byte[] json;

  @BeforeAll
  static void load() throws IOException {
    json = Gpt2TokenizerJson.build();
    tokenizer = TokenizerLoader.load("gpt2", new ByteArrayInputStream(json));
  }

  @AfterAll
  static void close() {
    tokenizer.close();
  }

  @Test
  void encode_knownText_givesTheOriginalsIdsAndUtf16Spans() {
    Tokenizer.Encoding encoding = tokenizer.encode(TEXT, true);
    assertThat(encoding.ids()).isEqualTo(IDS);
    assertThat(Arrays.copyOf(encoding.starts(), 11))
        .containsExactly(0, 1, 2, 5, 11, 12, 16, 20, 24, 27, 30);
    assertThat(Arrays.copyOf(encoding.ends(), 11))
        .containsExactly(1, 2, 5, 11, 12, 16, 20, 24, 27, 30, 36);
    for (int i = 0; i < IDS.length; i++) {
      String piece = TEXT.substring(encoding.starts()[i], encoding.ends()[i]);
      assertThat(piece).isEqualTo(tokenizer.label(IDS[i]));
    }
    assertThat(tokenizer.decode(IDS)).isEqualTo(TEXT);
  }

  @Test
  void bytes_ofCharactersSplitOverTokens_joinToTheCharacter() {
    String text = "日本語 🤖👩‍👩‍👧 ﷽ \u0000\u001f\u00ad\r\n\t";
    int[] ids = tokenizer.encode(text, false).ids();
    assertThat(tokenizer.decode(ids)).isEqualTo(text);
    java.io.ByteArrayOutputStream joined = new java.io.ByteArrayOutputStream();
    boolean split = false;
    for (int id : ids) {
      byte[] bytes = tokenizer.bytes(id);
      joined.writeBytes(bytes);
      String label = tokenizer.label(id);
      boolean whole = new String(bytes, StandardCharsets.UTF_8).indexOf('\uFFFD') < 0;
      assertThat(label)
          .isEqualTo(
              whole ? new String(bytes, StandardCharsets.UTF_8) : Gpt2TokenizerJson.visible(bytes));
      split |= !whole;
    }
    assertThat(split).isTrue();
    assertThat(joined.toByteArray()).isEqualTo(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void encode_randomUnicode_equalsAnotherImplementation() {
    var oracle = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.R50K_BASE);
    Random random = new Random(7);
    for (int i = 0; i < 3000; i++) {
      String text = randomText(random, 40);
      Tokenizer.Encoding encoding = tokenizer.encode(text, true);
      assertThat(encoding.ids()).as(text).isEqualTo(oracle.encodeOrdinary(text).toArray());
      assertThat(tokenizer.decode(encoding.ids())).isEqualTo(text);
      for (int t = 0; t < encoding.ids().length; t++) {
        byte[] span =
            text.substring(encoding.starts()[t], encoding.ends()[t])
                .getBytes(StandardCharsets.UTF_8);
        byte[] own = tokenizer.bytes(encoding.ids()[t]);
        assertThat(java.util.Collections.indexOfSubList(boxed(span), boxed(own)))
            .as(text)
            .isNotNegative();
      }
    }
  }

  @Test
  void encode_longText_isNotCut() {
    String text = "The cat sat on the mat. ".repeat(20_000);
    Tokenizer.Encoding encoding = tokenizer.encode(text, true);
    assertThat(encoding.ids().length).isEqualTo(140_001);
    assertThat(encoding.ends()[encoding.ids().length - 1]).isEqualTo(text.length());
  }

  @Test
  void encode_shortText_isNotPadded() {
    assertThat(tokenizer.encode("a", true).ids()).containsExactly(64);
    assertThat(tokenizer.encode("", true).ids()).isEmpty();
  }

  @Test
  void encode_halvesOfPairs_areReplacedWithoutShiftingSpans() {
    String text = "a\ud83d b\ude42\ude42c🙂d";
    Tokenizer.Encoding encoding = tokenizer.encode(text, false);
    assertThat(tokenizer.decode(encoding.ids())).isEqualTo("a\ufffd b\ufffd\ufffdc🙂d");
    int last = encoding.ids().length - 1;
    assertThat(encoding.starts()[last]).isEqualTo(text.length() - 1);
    assertThat(encoding.ends()[last]).isEqualTo(text.length());
  }

  @Test
  void specialTokens_areNamedAndStandForNoBytes() {
    assertThat(tokenizer.specialIds()).containsExactly(50256);
    assertThat(tokenizer.bytes(50256)).isEmpty();
    assertThat(tokenizer.label(50256)).isEqualTo("<|endoftext|>");
    assertThat(tokenizer.size()).isEqualTo(50257);
    assertThat(tokenizer.bytes(50257)).isNull();
    assertThat(tokenizer.bytes(-1)).isNull();
    assertThat(tokenizer.label(50257)).isEqualTo("[id 50257]");
    assertThat(tokenizer.decode(new int[] {15496, 50256, 50257}))
        .isEqualTo("Hello<|endoftext|>[id 50257]");
  }

  @Test
  void singleToken_isExactAsWritten() {
    assertThat(tokenizer.singleToken(" Mary")).isEqualTo(5335);
    assertThat(tokenizer.singleToken("Mary")).isEqualTo(24119);
    assertThat(tokenizer.singleToken("<|endoftext|>")).isEqualTo(50256);
    assertThat(tokenizer.singleToken(" Mary ")).isNull();
    assertThat(tokenizer.singleToken("  Mary")).isNull();
    assertThat(tokenizer.singleToken("")).isNull();
    assertThat(tokenizer.singleToken("🙂🙂")).isNull();
    assertThat(tokenizer.singleToken("\n")).isEqualTo(198);
  }

  @Test
  void everyToken_hasBytesThatLeadBackToIt() {
    int checked = 0;
    for (int id = 0; id < 50256; id += 7) {
      String text = tokenizer.label(id);
      if (Arrays.equals(text.getBytes(StandardCharsets.UTF_8), tokenizer.bytes(id))) {
        Integer found = tokenizer.singleToken(text);
        assertThat(found == null || found == id).as("%d %s", id, text).isTrue();
        checked += found == null ? 0 : 1;
      }
    }
    assertThat(checked).isGreaterThan(6000);
  }

  @Test
  void encode_byManyThreads_isTheSame() throws Exception {
    List<String> texts = new ArrayList<>();
    List<int[]> expected = new ArrayList<>();
    Random random = new Random(8);
    for (int i = 0; i < 200; i++) {
      texts.add(randomText(random, 60));
      expected.add(tokenizer.encode(texts.get(i), true).ids());
    }
    try (Tokenizer fresh = TokenizerLoader.load("gpt2", new ByteArrayInputStream(json));
        ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Future<?>> runs = new ArrayList<>();
      for (int t = 0; t < 8; t++) {
        runs.add(
            threads.submit(() -> {
              for (int i = 0; i < texts.size(); i++) {
                int[] ids = fresh.encode(texts.get(i), true).ids();
                assertThat(ids).isEqualTo(expected.get(i));
                assertThat(fresh.decode(ids)).isEqualTo(texts.get(i));
              }
            }));
      }
      for (Future<?> run : runs) {
        run.get();
      }
    }
  }

  @Test
  void close_whileOthersEncode_endsThemWithAClearError() throws Exception {
    for (int round = 0; round < 5; round++) {
      Tokenizer fresh = TokenizerLoader.load("gpt2", new ByteArrayInputStream(json));
      try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
        List<Future<?>> runs = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
          runs.add(
              threads.submit(() -> {
                while (true) {
                  fresh.encode("The cat sat on the mat.", true);
                }
              }));
        }
        fresh.encode("one more", false);
        fresh.close();
        fresh.close();
        for (Future<?> run : runs) {
          assertThatThrownBy(run::get)
              .hasCauseInstanceOf(IllegalStateException.class)
              .hasMessageContaining("closed");
        }
      }
    }
  }

  private static List<Byte> boxed(byte[] bytes) {
    List<Byte> list = new ArrayList<>();
    for (byte b : bytes) {
      list.add(b);
    }
    return list;
  }

  /** Words, blanks, digits and characters of every plane, without halves of pairs. */
  private static String randomText(Random random, int length) {
    String[] words = {
      " the", "Hello", "'s", " I'll", "  ", "\n\n", "123", " 4567", "…", "é", "日本", "🙂", "\t",
      "don't", "\u2028", "\u00a0"
    };
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(length); i > 0; i--) {
      if (random.nextBoolean()) {
        text.append(words[random.nextInt(words.length)]);
      } else {
        int point = random.nextInt(3) == 0 ? random.nextInt(0x110000) : 32 + random.nextInt(0x300);
        text.appendCodePoint(point >= 0xD800 && point <= 0xDFFF ? 'x' : point);
      }
    }
    return text.toString();
  }
}
