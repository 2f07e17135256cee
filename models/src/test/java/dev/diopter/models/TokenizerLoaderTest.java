package dev.diopter.models;

import static dev.diopter.formats.Messages.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.diopter.formats.Json;
import dev.diopter.formats.Resources;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class TokenizerLoaderTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void bundledTokenizer_givesTheIdsOfTheLensCases(String name) {
    JsonNode expected =
        Json.read(Resources.fixture("lens-cases/" + name + "/activation-patching.json"));
    try (OpenModel model = ModelStore.of(Map.of(), "").open(name);
        Tokenizer tokenizer = model.openTokenizer()) {
      for (String prompt : List.of("clean", "corrupt")) {
        int[] ids = tokenizer.encode(expected.path(prompt).stringValue(), true).ids();
        List<Integer> wanted = ints(expected.path(prompt + "_ids"));
        // Their first id is put there by the caller: the tokenizer has no template.
        assertThat(ids).containsExactly(wanted.subList(1, wanted.size()).toArray(Integer[]::new));
      }
      assertThat(tokenizer.singleToken(expected.path("answer").stringValue()))
          .isEqualTo(expected.path("answer_id").intValue());
      assertThat(tokenizer.singleToken(expected.path("wrong").stringValue()))
          .isEqualTo(expected.path("wrong_id").intValue());
      assertThat(tokenizer.specialIds()).containsExactly(0);
      assertThat(tokenizer.size()).isEqualTo(1024);
    }
  }

  @Test
  void realModelsTokenizer_givesTheExpectedIdsAndTokens() {
    Path file = Path.of(System.getProperty("diopter.realModel", "none"), "tokenizer.json");
    // Continuous integration makes the model present; there its absence is a failure.
    assumeTrue(
        Files.exists(file) || System.getenv("DIOPTER_CI") != null, "the real model is not there");
    JsonNode expected = Json.read(Resources.fixture("real-model/expected.json"));
    try (Tokenizer tokenizer = TokenizerLoader.load(file)) {
      for (JsonNode item : expected.path("cases")) {
        String prompt = item.path("prompt").stringValue();
        int[] ids = tokenizer.encode(prompt, true).ids();
        assertThat(ids).containsExactly(ints(item.path("ids")).toArray(Integer[]::new));
        assertThat(tokenizer.decode(ids)).isEqualTo(prompt);
        for (JsonNode top : item.path("top")) {
          assertThat(tokenizer.label(top.path("id").intValue()))
              .isEqualTo(top.path("token").stringValue());
        }
        int[] greedy = ints(item.path("greedy")).stream().mapToInt(i -> i).toArray();
        assertThat(tokenizer.decode(greedy)).isEqualTo(item.path("greedy_text").stringValue());
      }
    }
  }

  @Test
  void sentencePieceStyle_blanksBytesAndTemplate_areExact() {
    try (Tokenizer tokenizer = sentencePiece()) {
      Tokenizer.Encoding encoding = tokenizer.encode("ab b€", true);
      // <s>, ▁ab, ▁b, then the three bytes of the sign.
      assertThat(encoding.ids()).containsExactly(1, 263, 264, 3 + 0xE2, 3 + 0x82, 3 + 0xAC);
      assertThat(encoding.starts()).containsExactly(-1, 0, 2, 4, 4, 4);
      assertThat(encoding.ends()).containsExactly(-1, 2, 4, 5, 5, 5);
      assertThat(tokenizer.encode("ab", false).ids()).containsExactly(263);
      assertThat(tokenizer.label(263)).isEqualTo(" ab");
      assertThat(tokenizer.label(3 + 0xE2)).isEqualTo("<0xE2>");
      assertThat(tokenizer.label(3 + 'A')).isEqualTo("A");
      assertThat(tokenizer.bytes(3 + 0xE2)).containsExactly(0xE2);
      assertThat(tokenizer.bytes(1)).isEmpty();
      assertThat(tokenizer.decode(encoding.ids())).isEqualTo("<s> ab b€");
      assertThat(tokenizer.specialIds()).containsExactly(0, 1, 2);
      assertThat(tokenizer.singleToken(" ab")).isEqualTo(263);
      assertThat(tokenizer.singleToken("ab")).isEqualTo(262);
      assertThat(tokenizer.singleToken("b")).isEqualTo(261);
      assertThat(tokenizer.singleToken("<s>")).isEqualTo(1);
      assertThat(tokenizer.singleToken("abb")).isNull();
    }
  }

  @Test
  void typedSpecialToken_hasItsSpanAndIsNotTakenForTheTemplates() {
    try (Tokenizer tokenizer = sentencePiece()) {
      Tokenizer.Encoding encoding = tokenizer.encode("<s>", true);
      assertThat(encoding.ids()).startsWith(1, 1);
      assertThat(encoding.starts()).startsWith(-1, 0);
      assertThat(encoding.ends()).startsWith(-1, 3);
    }
  }

  @Test
  void load_unigram_hasItsVocabularyByPlace() {
    ObjectNode root = Json.object();
    root.put("version", "1.0");
    root.putObject("pre_tokenizer")
        .put("type", "Metaspace")
        .put("replacement", "▁")
        .put("prepend_scheme", "always");
    ObjectNode model = root.putObject("model").put("type", "Unigram").put("unk_id", 0);
    ArrayNode vocabulary = model.putArray("vocab");
    for (String token : List.of("<unk>", "▁a", "b", "▁")) {
      vocabulary.addArray().add(token).add(-1.0);
    }
    try (Tokenizer tokenizer = load(Json.compact(root))) {
      assertThat(tokenizer.encode("ab a", false).ids()).containsExactly(1, 2, 1);
      assertThat(tokenizer.label(1)).isEqualTo(" a");
      assertThat(tokenizer.size()).isEqualTo(4);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{}",
        "[]",
        "{\"version\":\"1.0\"",
        "{\"version\":\"1.0\",\"model\":{\"type\":\"Own\"}}"
      })
  void load_brokenFile_isRefusedInOneLine(String text) throws IOException {
    Path file = Files.writeString(folder.resolve("tokenizer.json"), text);
    assertRefused(() -> TokenizerLoader.load(file), file.toString(), "tokenizer");
  }

  @Test
  void load_noFileOrMalformedBytes_isRefused() throws IOException {
    assertRefused(
        () -> TokenizerLoader.load(folder.resolve("none.json")), "none.json", "token ids");
    Path file = Files.write(folder.resolve("tokenizer.json"), new byte[] {'"', (byte) 0xFF, '"'});
    assertRefused(() -> TokenizerLoader.load(file), "UTF-8");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "{\"model\":[]}",
        "{\"model\":{\"vocab\":{\"a\":-1}}}",
        "{\"model\":{\"vocab\":{\"a\":\"x\"}}}",
        "{\"model\":{\"vocab\":{\"a\":99999999}}}",
        "{\"model\":{\"vocab\":{\"a\":1,\"a\":2}}}",
        "{\"model\":{\"vocab\":[\"a\"]}}",
        "{\"model\":{\"vocab\":[[1]]}}",
        "{\"added_tokens\":[1]}",
        "{\"added_tokens\":[{\"id\":1}]}",
        "{\"added_tokens\":[{\"id\":1,\"content\":null}]}",
        "{\"decoder\":{\"type\":",
        "{\"model\":{\"vocab\":{}}"
      })
  void vocabulary_brokenFile_isRefusedInOneLine(String text) {
    assertRefused(
        () ->
            Vocabulary.read(
                "tokenizer.json", new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8))),
        "tokenizer.json");
  }

  /** Each of these ended the whole process when the native library was given it. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"normalizer\":{\"type\":\"Own\"}",
        "\"normalizer\":{}",
        "\"normalizer\":\"NFC\"",
        "\"normalizer\":{\"type\":\"Lowercase\",\"x\":99999999999999999999}",
        "\"normalizer\":{\"type\":\"Lowercase\",\"x\":1e999}",
        "\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"\\ud800\"}",
        "\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"\"}",
        "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"x\"}",
        "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"x*\"},\"content\":\"x\"}",
        "\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"}",
        "\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"?\"}",
        "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Own\"}]}",
        "\"pre_tokenizer\":{\"type\":\"FixedLength\",\"length\":0}",
        "\"decoder\":{\"type\":\"Fuse\",\"\\udc00\":1}",
        "\"decoder\":[1]",
        "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"q\",\"type_id\":0}}],\"pair\":[],\"special_tokens\":{}}",
        "\"model\":{\"type\":\"BPE\",\"continuing_subword_prefix\":\"xyz\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}"
      })
  void load_fileThatWouldEndTheProcess_isRefusedInOneLine(String part) {
    String model = "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}";
    String json =
        "{\"version\":\"1.0\"," + part + (part.startsWith("\"model\"") ? "" : "," + model) + "}";
    assertRefused(() -> load(json), "tokenizer.json");
  }

  @Test
  void encode_whatTheVocabularyCannotSay_isRefusedInOneLine() {
    String json =
        "{\"version\":\"1.0\",\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"q\"}}";
    try (Tokenizer tokenizer = load(json)) {
      assertThat(tokenizer.encode("a", false).ids()).containsExactly(0);
      assertRefused(
          ModelException.class,
          () -> tokenizer.encode("b", false),
          "expected a text that the tokenizer can encode");
    }
  }

  private static Tokenizer load(String json) {
    return TokenizerLoader.load(
        "tokenizer.json", new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)));
  }

  /**
   * As Llama 2's: blanks made visible, one in front, bytes where the vocabulary ends, a template
   * that opens with {@code <s>}.
   */
  private static Tokenizer sentencePiece() {
    ObjectNode root = Json.object();
    root.put("version", "1.0");
    ArrayNode added = root.putArray("added_tokens");
    for (int id = 0; id < 3; id++) {
      added
          .addObject()
          .put("id", id)
          .put("content", List.of("<unk>", "<s>", "</s>").get(id))
          .put("single_word", false)
          .put("lstrip", false)
          .put("rstrip", false)
          .put("normalized", false)
          .put("special", true);
    }
    ArrayNode normalizers =
        root.putObject("normalizer").put("type", "Sequence").putArray("normalizers");
    normalizers.addObject().put("type", "Prepend").put("prepend", "▁");
    normalizers
        .addObject()
        .put("type", "Replace")
        .put("content", "▁")
        .putObject("pattern")
        .put("String", " ");
    root.putNull("pre_tokenizer");
    ObjectNode template = root.putObject("post_processor").put("type", "TemplateProcessing");
    ArrayNode single = template.putArray("single");
    single.addObject().putObject("SpecialToken").put("id", "<s>").put("type_id", 0);
    single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
    template.putArray("pair");
    ObjectNode special = template.putObject("special_tokens").putObject("<s>").put("id", "<s>");
    special.putArray("ids").add(1);
    special.putArray("tokens").add("<s>");
    ArrayNode decoders = root.putObject("decoder").put("type", "Sequence").putArray("decoders");
    decoders
        .addObject()
        .put("type", "Replace")
        .put("content", " ")
        .putObject("pattern")
        .put("String", "▁");
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    ObjectNode model =
        root.putObject("model")
            .put("type", "BPE")
            .put("unk_token", "<unk>")
            .put("byte_fallback", true);
    ObjectNode vocabulary = model.putObject("vocab").put("<unk>", 0).put("<s>", 1).put("</s>", 2);
    for (int b = 0; b < 256; b++) {
      vocabulary.put("<0x%02X>".formatted(b), 3 + b);
    }
    vocabulary
        .put("▁", 259)
        .put("a", 260)
        .put("b", 261)
        .put("ab", 262)
        .put("▁ab", 263)
        .put("▁b", 264);
    model.putArray("merges").add("a b").add("▁ ab").add("▁ b");
    return load(Json.compact(root));
  }

  private static List<Integer> ints(JsonNode array) {
    List<Integer> ints = new java.util.ArrayList<>();
    for (JsonNode element : array) {
      ints.add(element.intValue());
    }
    return ints;
  }
}
