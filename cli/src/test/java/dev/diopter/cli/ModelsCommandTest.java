package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class ModelsCommandTest {

  @Test
  void list_bundledModels_areThere() {
    assertThat(Cli.run("models", "list").isClean().out())
        .contains("demo-gpt2   gpt2", "demo-llama  llama", "bundled");
    JsonNode json = Cli.run("models", "list", "--json").isClean().json();
    assertThat(json.propertyNames()).containsExactly("hub_cache", "models");
    JsonNode first = json.path("models").get(0);
    assertThat(first.path("name").stringValue()).isEqualTo("demo-gpt2");
    assertThat(first.path("bundled").booleanValue()).isTrue();
    assertThat(first.path("problem").isNull()).isTrue();
    assertThat(first.path("parameters").longValue()).isBetween(1_300_000L, 1_500_000L);
    assertThat(first.path("dtype").stringValue()).isEqualTo("F16");
  }

  @Test
  void info_bundledModel_saysWhatItIs() {
    assertThat(Cli.run("models", "info", "demo-llama").isClean().out())
        .contains(
            "llama",
            "1,238,656 parameters, F16",
            "4 of width 32, 2 for keys and values",
            "256 tokens",
            "<|endoftext|> 0");
  }

  @Test
  void info_json_hasTheSizes() {
    JsonNode json = Cli.run("models", "info", "demo-gpt2", "--json").isClean().json();
    assertThat(json.path("layers").intValue()).isEqualTo(6);
    assertThat(json.path("context").intValue()).isEqualTo(256);
    assertThat(json.path("bos_id").intValue()).isZero();
    assertThat(json.path("eos_ids").toString()).isEqualTo("[0]");
    assertThat(json.path("tokenizer").path("size").intValue()).isEqualTo(1024);
    assertThat(json.path("positions").stringValue()).isEqualTo("learned");
  }

  @Test
  void info_folderWithoutTokenizer_saysSo() {
    assertThat(Cli.run("models", "info", Cli.fixture("llama-sharded-bf16")).isClean().out())
        .contains("BF16", "tokenizer       none");
  }
}
