package dev.diopter.engine;

import static dev.diopter.engine.PlanConfigs.GPT2;
import static dev.diopter.engine.PlanConfigs.LLAMA;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class HookRegistryTest {

  private static Map<String, HookRegistry.Entry> entries(HookRegistry registry) {
    return registry.entries().stream()
        .collect(Collectors.toMap(HookRegistry.Entry::name, Function.identity()));
  }

  @Test
  void entries_groupedQueryModel_haveSizesAndMarks() {
    Map<String, HookRegistry.Entry> entries = entries(HookRegistry.of(LLAMA));
    assertThat(entries.get("hook_embed").shape()).isEqualTo("[pos, model 32]");
    assertThat(entries.get("blocks.1.attn.hook_q").shape()).isEqualTo("[pos, head 4, head_dim 8]");
    assertThat(entries.get("blocks.1.attn.hook_k").shape())
        .isEqualTo("[pos, kv_head 2, head_dim 8]");
    assertThat(entries.get("blocks.1.hook_v_input").shape())
        .isEqualTo("[pos, kv_head 2, model 32]");
    assertThat(entries.get("blocks.0.attn.hook_pattern").shape()).isEqualTo("[head 4, query, key]");
    assertThat(entries.get("blocks.0.ln1.hook_scale").shape()).isEqualTo("[pos, 1]");
    assertThat(entries.get("blocks.0.mlp.hook_post").shape()).isEqualTo("[pos, mlp 44]");
    assertThat(entries.get("unembed.hook_out").shape()).isEqualTo("[pos, vocab 101]");
    assertThat(entries.get("blocks.0.attn.hook_result").optional()).isTrue();
    assertThat(entries.get("blocks.0.attn.hook_z").optional()).isFalse();
    assertThat(entries.get("blocks.0.attn.hook_z").meaning()).contains("each head");
  }

  @Test
  void entries_bothKinds_areInTheOrderOfThePass() {
    List<String> names =
        HookRegistry.of(LLAMA).entries().stream().map(HookRegistry.Entry::name).toList();
    assertThat(names)
        .hasSize(2 * 26 + 5)
        .startsWith("hook_embed", "blocks.0.hook_resid_pre", "blocks.0.hook_attn_in")
        .containsSubsequence(
            "blocks.0.attn.hook_v",
            "blocks.0.attn.hook_rot_q",
            "blocks.0.attn.hook_rot_k",
            "blocks.0.attn.hook_attn_scores")
        .containsSubsequence(
            "blocks.0.hook_resid_post",
            "blocks.1.hook_resid_pre",
            "blocks.1.hook_resid_post",
            "ln_final.hook_scale");
    assertThat(HookRegistry.of(GPT2).entries()).hasSize(6 * 23 + 6);
  }

  @Test
  void resolve_list_isThatOfHookNames() {
    assertThat(HookRegistry.of(GPT2).resolve("embed,pattern0"))
        .containsExactly(HookPoint.of(Site.EMBED), new HookPoint(Site.PATTERN, 0));
  }
}
