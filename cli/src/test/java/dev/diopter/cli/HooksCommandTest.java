package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class HooksCommandTest {

  @Test
  void hooks_model_foldsTheLayers() {
    Cli.Ran ran = Cli.run("hooks", "demo-gpt2").isClean();
    assertThat(ran.out())
        .containsOnlyOnce("attn.hook_pattern ")
        .contains(
            "blocks.{0-5}.attn.hook_pattern      [4, query, key]",
            "hook_pos_embed",
            "sizes: head 4")
        .doesNotContain("blocks.3.", "hook_rot_q");
    assertThat(ran.out().lines())
        .allSatisfy(line -> assertThat(Text.width(line)).isLessThanOrEqualTo(100));
  }

  @Test
  void hooks_all_hasALineForEachLayer() {
    assertThat(Cli.run("hooks", "demo-llama", "--all").isClean().out())
        .contains("blocks.0.attn.hook_rot_q", "blocks.5.attn.hook_rot_q")
        .doesNotContain("{0-5}", "hook_pos_embed");
  }

  @Test
  void hooks_json_listsEveryPoint() {
    JsonNode json = Cli.run("hooks", "demo-llama", "--json").isClean().json();
    assertThat(json.propertyNames()).containsExactly("model", "hooks");
    assertThat(json.path("hooks")).hasSize(161);
    JsonNode pattern = null;
    for (JsonNode hook : json.path("hooks")) {
      assertThat(hook.propertyNames())
          .containsExactly("name", "layer", "axes", "shape", "optional", "meaning");
      pattern = hook.path("name").stringValue().equals("blocks.2.attn.hook_k") ? hook : pattern;
    }
    assertThat(pattern).isNotNull();
    assertThat(pattern.path("layer").intValue()).isEqualTo(2);
    assertThat(pattern.path("axes").toString()).isEqualTo("[\"pos\",\"kv_head\",\"head_dim\"]");
    assertThat(pattern.path("shape").toString()).isEqualTo("[\"pos\",2,32]");
    assertThat(pattern.path("optional").booleanValue()).isFalse();
  }
}
