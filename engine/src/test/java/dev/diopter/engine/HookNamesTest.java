package dev.diopter.engine;

import static dev.diopter.engine.PlanConfigs.GPT2;
import static dev.diopter.engine.PlanConfigs.LLAMA;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.models.DecoderConfig;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HookNamesTest {

  private static List<String> names(String text, DecoderConfig config) {
    return HookNames.resolve(text, config).stream().map(HookPoint::name).toList();
  }

  private static void assertFails(String text, DecoderConfig config, String... parts) {
    assertThatThrownBy(() -> HookNames.resolve(text, config))
        .isInstanceOf(UsageException.class)
        .hasMessageContainingAll(parts)
        .message()
        .hasLineCount(1);
  }

  @Test
  void resolve_everyCanonicalName_isItself() {
    for (DecoderConfig config : List.of(GPT2, LLAMA)) {
      for (HookRegistry.Entry entry : HookRegistry.of(config).entries()) {
        assertThat(names(entry.name(), config)).containsExactly(entry.name());
      }
    }
  }

  @Test
  void resolve_everyShortName_isTheSiteThatItNames() {
    for (DecoderConfig config : List.of(GPT2, LLAMA)) {
      for (HookPoint point : HookRegistry.points(config)) {
        Site site = point.site();
        if (!site.inBlock()) {
          continue;
        }
        String word = HookNames.shortName(site);
        String type =
            word.equals("scale") || word.equals("normalized") ? HookNames.group(site) : "";
        assertThat(HookNames.resolve(word + point.layer() + type, config)).containsExactly(point);
        assertThat(
                HookNames.resolve(
                    word + ":" + point.layer() + (type.isEmpty() ? "" : ":" + type), config))
            .containsExactly(point);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    // the compact forms and tuples of TransformerLens's get_act_name
    "k5, blocks.5.attn.hook_k",
    "pattern5, blocks.5.attn.hook_pattern",
    "pre5, blocks.5.mlp.hook_pre",
    "scale4ln1, blocks.4.ln1.hook_scale",
    "normalized4ln2, blocks.4.ln2.hook_normalized",
    "k5a, blocks.5.attn.hook_k",
    "k5attention, blocks.5.attn.hook_k",
    "k5attn, blocks.5.attn.hook_k",
    "post2m, blocks.2.mlp.hook_post",
    "post2mlp, blocks.2.mlp.hook_post",
    "resid_pre:1:b, blocks.1.hook_resid_pre",
    "resid_pre:1:block, blocks.1.hook_resid_pre",
    "resid_pre:1:blocks, blocks.1.hook_resid_pre",
    "attn3, blocks.3.attn.hook_pattern",
    "attn_logits:3, blocks.3.attn.hook_attn_scores",
    "attn_logits3, blocks.3.attn.hook_attn_scores",
    "key3, blocks.3.attn.hook_k",
    "query3, blocks.3.attn.hook_q",
    "value3, blocks.3.attn.hook_v",
    "mlp_pre3, blocks.3.mlp.hook_pre",
    "mlp_post3, blocks.3.mlp.hook_post",
    "embed, hook_embed",
    "pos_embed, hook_pos_embed",
    "scale, ln_final.hook_scale",
    "normalized, ln_final.hook_normalized",
    // what TransformerLens turns into names that do not exist
    "resid_pre:3, blocks.3.hook_resid_pre",
    "resid_pre5, blocks.5.hook_resid_pre",
    "resid_post0, blocks.0.hook_resid_post",
    "attn_scores2, blocks.2.attn.hook_attn_scores",
    "q_input1, blocks.1.hook_q_input",
    "mlp_in:1, blocks.1.hook_mlp_in",
    "attn_out4, blocks.4.hook_attn_out",
    // layers from the end
    "resid_pre:-1, blocks.5.hook_resid_pre",
    "pattern-6, blocks.0.attn.hook_pattern",
    "blocks.-2.attn.hook_z, blocks.4.attn.hook_z",
    "' pattern5 ', blocks.5.attn.hook_pattern",
  })
  void resolve_shortName_isTheCanonicalName(String text, String expected) {
    assertThat(names(text, GPT2)).containsExactly(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "rot_q0, blocks.0.attn.hook_rot_q",
    "rot_k:1, blocks.1.attn.hook_rot_k",
    "pre_linear1, blocks.1.mlp.hook_pre_linear",
  })
  void resolve_shortNameOfLlama_isTheCanonicalName(String text, String expected) {
    assertThat(names(text, LLAMA)).containsExactly(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"blocks.*.attn.hook_pattern", "pattern:*", "pattern*", "attn:*"})
  void resolve_wildcard_isEveryLayer(String text) {
    assertThat(names(text, LLAMA))
        .containsExactly("blocks.0.attn.hook_pattern", "blocks.1.attn.hook_pattern");
  }

  @ParameterizedTest
  @ValueSource(strings = {"scale:*:ln2", "scale*ln2", "blocks.*.ln2.hook_scale"})
  void resolve_wildcardWithType_isEveryLayer(String text) {
    assertThat(names(text, LLAMA))
        .containsExactly("blocks.0.ln2.hook_scale", "blocks.1.ln2.hook_scale");
  }

  @Test
  void resolve_star_isTransformerLensDefaultCache() {
    assertThat(names("*", PlanConfigs.gpt2(12)))
        .hasSize(210)
        .startsWith(
            "hook_embed", "hook_pos_embed", "blocks.0.hook_resid_pre", "blocks.0.ln1.hook_scale")
        .endsWith(
            "ln_final.hook_scale",
            "ln_final.hook_normalized",
            "unembed.hook_in",
            "unembed.hook_out");
    assertThat(names("*", PlanConfigs.llama(32))).hasSize(645).doesNotContain("hook_pos_embed");
  }

  @Test
  void resolve_optionalStar_isTheOptionalPoints() {
    assertThat(names("optional:*", PlanConfigs.gpt2(1)))
        .containsExactly(
            "blocks.0.hook_attn_in",
            "blocks.0.hook_q_input",
            "blocks.0.hook_k_input",
            "blocks.0.hook_v_input",
            "blocks.0.attn.hook_result",
            "blocks.0.hook_mlp_in");
  }

  @Test
  void resolveAll_overlappingList_holdsEachPointOnceInTheOrderOfTheList() {
    assertThat(
            HookNames.resolveAll("pattern1, blocks.*.attn.hook_pattern,embed", LLAMA).stream()
                .map(HookPoint::name))
        .containsExactly("blocks.1.attn.hook_pattern", "blocks.0.attn.hook_pattern", "hook_embed");
    assertThat(HookNames.resolveAll("*,optional:*", GPT2))
        .hasSameSizeAs(HookRegistry.of(GPT2).entries());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "embed,,k0", "hook_embed,", ",", " "})
  void resolveAll_emptyEntry_fails(String list) {
    assertThatThrownBy(() -> HookNames.resolveAll(list, GPT2))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected a name in front of and behind each comma");
  }

  @ParameterizedTest
  @CsvSource({
    "blocks.3.attn.hook_patern, blocks.3.attn.hook_pattern",
    "blocks.3.attn.pattern, blocks.3.attn.hook_pattern",
    "blocks.3.hook_pattern, blocks.3.attn.hook_pattern",
    "blocks.*.hook_z, blocks.*.attn.hook_z",
    "block.2.hook_resid_pre, blocks.2.hook_resid_pre",
    "Blocks.2.hook_resid_pre, blocks.2.hook_resid_pre",
    "hook_resid_pre:3, blocks.3.hook_resid_pre",
    "hook_resid_pre3, blocks.3.hook_resid_pre",
    "blocks.1.hook_resid_prre, blocks.1.hook_resid_pre",
    "hook_embd, hook_embed",
    "resid_per:3, blocks.3.hook_resid_pre",
    "paterrn5, blocks.5.attn.hook_pattern",
    "atn_out:2, blocks.2.hook_attn_out",
    "ln_final.hook_scal, ln_final.hook_scale",
    "unembed.hook_outt, unembed.hook_out",
    "blocks.9.hook_resid_prex, blocks.*.hook_resid_pre",
    "blocks.2.mlp.hook_postt, blocks.2.mlp.hook_post",
  })
  void resolve_misspeltName_namesTheNearest(String text, String nearest) {
    assertFails(text, GPT2, "unknown hook \"" + text + "\"", "did you mean " + nearest);
  }

  @Test
  void resolve_misspeltName_doesNotNamePointsThatTheModelLacks() {
    assertThatThrownBy(() -> HookNames.resolve("blocks.1.attn.hook_rot_qq", GPT2))
        .message()
        .doesNotContain("hook_rot_q ");
    assertFails("hook_pos_embedd", LLAMA, "unknown hook", "hook_embed");
  }

  @Test
  void resolve_farName_saysWhereTheListIs() {
    for (String text :
        List.of(
            "xylophone:3",
            "w",
            "w3",
            "blocks.3.",
            "blocks.",
            "blocks",
            ".",
            "*.x",
            "-",
            "_",
            "3")) {
      assertFails(text, GPT2, "unknown hook \"" + text + "\"; expected a name such as");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "blocks.0.attn.hook_rot_q, has no blocks.*.attn.hook_rot_q, learned positions",
    "rot_k1, has no blocks.*.attn.hook_rot_k, learned positions",
    "blocks.*.mlp.hook_pre_linear, has no blocks.*.mlp.hook_pre_linear, no gate",
  })
  void resolve_pointOfLlamaOnGpt2_saysWhy(String text, String what, String why) {
    assertFails(text, GPT2, text, "gpt2", what, why);
  }

  @Test
  void resolve_positionEmbeddingOnLlama_saysWhy() {
    assertFails("hook_pos_embed", LLAMA, "llama", "no hook_pos_embed", "rotary");
    assertFails("pos_embed", LLAMA, "no hook_pos_embed", "rotary");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "blocks.6.hook_resid_pre",
        "blocks.-7.hook_resid_pre",
        "resid_pre:6",
        "resid_pre99999999999",
        "blocks.9999999999.hook_resid_pre"
      })
  void resolve_layerOutOfRange_namesTheRange(String text) {
    assertFails(text, GPT2, text, "expected a layer 0..5 (or -6..-1 from the end)");
  }

  @ParameterizedTest
  @CsvSource({
    "pattern, 'expected a layer, as in pattern:0 or blocks.*.attn.hook_pattern'",
    "attn, 'expected a layer, as in pattern:0 or blocks.*.attn.hook_pattern'",
    "resid_pre, expected a layer",
    "scale4, 'expected ln1 or ln2 behind it, as in scale:4:ln1'",
    "normalized:2, expected ln1 or ln2",
    "scale4ln3, 'no type ln3; expected blocks.4.ln1.hook_scale or blocks.4.ln2.hook_scale'",
    "k5mlp, 'k has no type mlp; expected blocks.5.attn.hook_k'",
    "resid_pre5ln1, no type ln1",
    "k5b, no type b",
    "embed5, embed has no layer; expected hook_embed",
    "resid_pre:x, expected NAME:LAYER",
    "resid_pre:, expected NAME:LAYER",
    "a:b:c:d, expected NAME:LAYER",
    "blocks.x.hook_resid_pre, expected a layer number or *",
    "blocks.0*.hook_resid_pre, expected a layer number or *",
    "blocks..hook_resid_pre, expected a layer number or *",
    "blocks.*, unknown hook",
    "blocks.0.*, unknown hook",
    "blocks.*.attn.*, unknown hook",
    "*.hook_embed, unknown hook",
    "**, unknown hook",
    "optional:, expected optional:*",
    "optional:pattern, expected optional:*",
    "blocks.+1.hook_resid_pre, expected a name of letters",
    "hook embed, expected a name of letters",
    "hook_embed;rm, expected a name of letters",
    "'hook_[a-z]*', expected a name of letters",
    "hook_tokens, no point for the token ids",
    "tokens, no point for the token ids",
    "blocks.0.mlp.hook_mid, no mlp.hook_mid",
    "mid3, no mlp.hook_mid",
    "mlp_mid:3, no mlp.hook_mid",
    "mid, no mlp.hook_mid",
  })
  void resolve_incompleteOrForeignName_saysWhatIsMissing(String text, String message) {
    assertFails(text, GPT2, message);
  }

  @Test
  void resolve_controlCharacters_areShownEscapedOnOneLine() {
    assertFails("hook_\nembed", GPT2, "\"hook_\\u000aembed\"");
    assertFails("x".repeat(5000), GPT2, "...\"");
  }
}
