package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The pages' tables of names: all of obvs, all of TransformerLens's patching; and what is named is
 * there.
 */
class NamesTest {
  private static final Pattern MEMBER = Pattern.compile("`([A-Z]\\w+)\\.(\\w+)");
  private static final List<String> PACKAGES =
      List.of(
          "dev.diopter.engine.", "dev.diopter.lens.attribution.", "dev.diopter.lens.patchscope.");

  private static final String OBVS =
      """
      SourceContext prompt position layer head model_name device .text_prompt .soft_prompt ._prompt
      ._text_prompt ._soft_prompt TargetContext .mapping_function .max_new_tokens from_source ModelLoader
      .load Patchscope .REMOTE .source_forward_pass .manipulate_source .map .target_forward_pass
      .manipulate_target .check_patchscope_setup .run .clear .over .over_pairs source_layers target_layers
      PatchscopeBase get_model_specifics source_token_ids target_token_ids source_tokens target_tokens
      top_k_tokens top_k_logits top_k_probs logits probabilities output full_output_tokens full_output
      llama_output find_in_source find_in_target source_position_tokens target_position_tokens n_layers
      n_layers_source n_layers_target compute_precision_at_1 compute_surprisal TokenIdentity source_prompt
      source_phrase target_prompt filename run_and_compute word visualize show IDENTITIY_PROMPT
      save_to_file BaseLogitLens substring layers kind file_name compute_surprisal_at_position
      PatchscopeLogitLens ClassicLogitLens PrecisionAtKMetric topk batch_size SurprisalMetric update compute
      create_heatmap x_data y_data values title cell_annotations x_label y_label plot_surprisal std
      source_output
      """;

  private static final String TRANSFORMER_LENS =
      """
      generic_activation_patch model corrupted_tokens clean_cache patching_metric patch_setter
      activation_name index_axis_names index_df return_index_df layer_pos_patch_setter
      layer_pos_head_vector_patch_setter layer_head_vector_patch_setter layer_head_pattern_patch_setter
      layer_head_pos_pattern_patch_setter layer_head_dest_src_pos_pattern_patch_setter make_df_from_ranges
      get_act_patch_resid_pre _resid_mid _attn_out _mlp_out get_act_patch_attn_head_out_by_pos _q_by_pos
      _k_by_pos _v_by_pos get_act_patch_attn_head_pattern_by_pos
      get_act_patch_attn_head_pattern_dest_src_pos get_act_patch_attn_head_out_all_pos _q_all_pos
      _k_all_pos _v_all_pos _pattern_all_pos get_act_patch_attn_head_all_pos_every _by_pos_every
      get_act_patch_block_every get_act_patch_direct_path src_layer src_head component all_sources
      """;

  @Test
  void page_everyNameOfObvs_isThere() throws IOException {
    String table = section("docs/patchscope.md", "## From obvs");
    assertNames(table, OBVS);
    assertMembers(table, "dev.diopter.lens.patchscope.");
  }

  @Test
  void page_everyNameOfTransformerLenssPatching_isThere() throws IOException {
    String table = section("docs/patching.md", "## Names of TransformerLens");
    assertNames(table, TRANSFORMER_LENS);
    assertMembers(table, "dev.diopter.lens.patching.");
  }

  private static String section(String page, String title) throws IOException {
    String text = Files.readString(Models.root().resolve(page));
    assertThat(text).contains(title);
    return text.substring(text.indexOf(title));
  }

  private static void assertNames(String table, String names) {
    for (String name : names.strip().split("\\s+")) {
      String start = name.startsWith(".") ? "" : "(?<!\\w)";
      Pattern whole = Pattern.compile("\\|[^\\n]*" + start + Pattern.quote(name) + "(?!\\w)");
      assertThat(whole.matcher(table).find()).as("the page names %s", name).isTrue();
    }
  }

  /** What the right column names is a member of a public class. */
  private static void assertMembers(String table, String home) {
    int seen = 0;
    for (String line : table.lines().filter(l -> l.startsWith("|")).toList()) {
      String right = line.substring(line.indexOf(" | ") + 3);
      Matcher matcher = MEMBER.matcher(right);
      while (matcher.find()) {
        Class<?> type = type(home, matcher.group(1));
        String member = matcher.group(2);
        boolean found =
            Stream.of(
                    Arrays.stream(type.getMethods()).map(m -> m.getName()),
                    Arrays.stream(type.getFields()).map(f -> f.getName()),
                    Arrays.stream(type.getClasses()).map(c -> c.getSimpleName()))
                .flatMap(s -> s)
                .anyMatch(member::equals);
        assertThat(found).as("%s.%s", type, member).isTrue();
        seen++;
      }
    }
    assertThat(seen).isGreaterThan(10);
  }

  private static Class<?> type(String home, String name) {
    for (String inPackage : Stream.concat(Stream.of(home), PACKAGES.stream()).toList()) {
      try {
        return Class.forName(inPackage + name);
      } catch (ClassNotFoundException e) {
        // Perhaps in the next one.
      }
    }
    throw new AssertionError("there is no class " + name);
  }
}
