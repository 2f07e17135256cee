package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Edits in whole passes, beyond what the fixtures hold. */
class EditTest {
  private static final Prompt PROMPT = Prompt.ofIds(5, 9, 2, 44, 17, 30, 8);
  private static Model model; // llama, 2 layers, 4 heads on 2 key/value heads, width 32

  @BeforeAll
  static void open() {
    model = TestModels.open("llama-gqa", "cpu", 1);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static float[] vector() {
    float[] v = new float[model.config().width()];
    for (int i = 0; i < v.length; i++) {
      v[i] = (float) Math.sin(i + 1);
    }
    return v;
  }

  private static float[] logits(HookPlan.Builder plan) {
    return model
        .run(RunRequest.of(PROMPT).plan(plan.build()).logits(Logits.ALL))
        .getFirst()
        .logits();
  }

  @Test
  void attnIn_allHeads_feedsQueriesKeysAndValues() {
    float[] v = vector();
    float[] together = logits(HookPlan.builder().add("blocks.1.hook_attn_in", Selection.ALL, v));
    float[] apart =
        logits(
            HookPlan.builder()
                .add("blocks.1.hook_q_input", Selection.ALL, v)
                .add("blocks.1.hook_k_input", Selection.ALL, v)
                .add("blocks.1.hook_v_input", Selection.ALL, v));
    assertThat(together).isEqualTo(apart).isNotEqualTo(logits(HookPlan.builder()));
  }

  @Test
  void attnIn_firstHeadOfAGroup_feedsTheGroupsKeysAndValues() {
    float[] v = vector();
    float[] together =
        logits(HookPlan.builder().add("blocks.0.hook_attn_in", Selection.ALL.heads(2), v));
    float[] apart =
        logits(
            HookPlan.builder()
                .add("blocks.0.hook_q_input", Selection.ALL.heads(2), v)
                .add("blocks.0.hook_k_input", Selection.ALL.heads(1), v)
                .add("blocks.0.hook_v_input", Selection.ALL.heads(1), v));
    assertThat(together).isEqualTo(apart);
  }

  @Test
  void attnIn_otherHeadOfAGroup_feedsItsQueriesAlone() {
    float[] v = vector();
    assertThat(logits(HookPlan.builder().add("blocks.0.hook_attn_in", Selection.ALL.heads(3), v)))
        .isEqualTo(
            logits(HookPlan.builder().add("blocks.0.hook_q_input", Selection.ALL.heads(3), v)))
        .isNotEqualTo(logits(HookPlan.builder()));
  }

  @Test
  void attnIn_thenItsOwnInputs_actInThatOrder() {
    float[] v = vector();
    Selection where = Selection.ALL.heads(0).positions(2);
    HookPlan plan =
        HookPlan.builder()
            .replaceRows("blocks.0.hook_q_input", where, new float[model.config().width()])
            .add("blocks.0.hook_attn_in", where, v)
            .read("blocks.0.hook_q_input", where, Read.When.BEFORE)
            .read("blocks.0.hook_attn_in", where)
            .read("blocks.0.hook_q_input", where)
            .build();
    RunResult run = model.run(PROMPT, plan);
    assertThat(run.activationsBefore().get("blocks.0.hook_q_input").values())
        .isEqualTo(run.activation("blocks.0.hook_attn_in").values());
    assertThat(run.activation("blocks.0.hook_q_input").values()).containsOnly(0f);
  }

  @Test
  void reads_beforeAndAfter_standOnBothSidesOfAllEdits() {
    String hook = "blocks.1.hook_resid_mid";
    HookPlan plan =
        HookPlan.builder()
            .read(hook, Selection.ALL, Read.When.BEFORE)
            .scale(hook, 2)
            .scale(hook, Selection.ALL.positions(3), 5)
            .read(hook)
            .build();
    RunResult run = model.run(PROMPT, plan);
    Activation before = run.activationsBefore().get(hook);
    Activation after = run.activation(hook);
    assertThat(before.values())
        .isEqualTo(model.run(PROMPT, HookPlan.reading(hook)).activation(hook).values());
    for (int p = 0; p < PROMPT.length(); p++) {
      for (int i = 0; i < model.config().width(); i++) {
        float factor = p == 3 ? 10 : 2;
        assertThat(after.get(p, i)).isEqualTo(before.get(p, i) * factor);
      }
    }
  }

  @Test
  void edits_ofOnePoint_actInTheOrderOfThePlan() {
    String hook = "blocks.0.hook_mlp_out";
    float[] v = vector();
    HookPlan addFirst =
        HookPlan.builder().add(hook, Selection.ALL, v).scale(hook, 0).read(hook).build();
    HookPlan scaleFirst =
        HookPlan.builder().scale(hook, 0).add(hook, Selection.ALL, v).read(hook).build();
    assertThat(model.run(PROMPT, addFirst).activation(hook).get(1, 0)).isZero();
    assertThat(model.run(PROMPT, scaleFirst).activation(hook).get(1, 0)).isEqualTo(v[0]);
  }

  @Test
  void pattern_knockedOutRow_isNotRescaledAndARowOfMinusInfinityGivesZeros() {
    HookPlan pattern =
        HookPlan.builder()
            .knockout("blocks.0.attn.hook_pattern", Selection.ALL.heads(1).keys(0))
            .read("blocks.0.attn.hook_pattern")
            .build();
    Activation plain =
        model
            .run(PROMPT, HookPlan.reading("blocks.0.attn.hook_pattern"))
            .activation("blocks.0.attn.hook_pattern");
    Activation knocked = model.run(PROMPT, pattern).activation("blocks.0.attn.hook_pattern");
    assertThat(knocked.get(1, 4, 0)).isZero();
    assertThat(knocked.get(1, 4, 2)).isEqualTo(plain.get(1, 4, 2));
    HookPlan scores =
        HookPlan.builder()
            .knockout("blocks.0.attn.hook_attn_scores", Selection.ALL.heads(1).positions(2))
            .read("blocks.0.attn.hook_pattern")
            .read("blocks.0.attn.hook_z")
            .build();
    RunResult run = model.run(PROMPT, scores);
    for (int k = 0; k < PROMPT.length(); k++) {
      assertThat(run.activation("blocks.0.attn.hook_pattern").get(1, 2, k)).isZero();
    }
    assertThat(run.activation("blocks.0.attn.hook_z").get(2, 1, 0)).isZero();
  }

  @Test
  void noise_aloneAndInABatch_isTheSame() {
    HookPlan plan =
        HookPlan.builder()
            .noise("blocks.0.hook_resid_pre", Selection.ALL, 0.5f, 7)
            .read("blocks.0.hook_resid_pre")
            .build();
    RunResult alone = model.run(PROMPT, plan);
    RunResult inBatch = model.run(RunRequest.of(Prompt.ofIds(3, 4), PROMPT).plan(plan)).get(1);
    assertThat(inBatch.logits()).isEqualTo(alone.logits());
    RunResult otherKey = model.run(PROMPT.withKey(1), plan);
    assertThat(otherKey.logits()).isNotEqualTo(alone.logits());
  }

  @Test
  void edit_writesNan_isRefusedUnlessAllowed() {
    HookPlan.Builder plan =
        HookPlan.builder()
            .function(
                "blocks.0.hook_attn_out",
                Selection.ALL.positions(2),
                v -> v.values()[3] = Float.NaN);
    assertThatThrownBy(() -> logits(plan))
        .hasMessageContaining("blocks.0.hook_attn_out, position 2");
    assertThat(logits(plan.allowNonFinite())).contains(Float.NaN);
  }

  @Test
  void result_changedByItsOwner_changesNothingElse() {
    HookPlan plan = HookPlan.reading("hook_embed", "blocks.0.hook_resid_pre");
    RunResult first = model.run(PROMPT, plan);
    float[] copy = first.activation("blocks.0.hook_resid_pre").values().clone();
    Arrays.fill(first.activation("hook_embed").values(), 9);
    assertThat(first.activation("blocks.0.hook_resid_pre").values()).isEqualTo(copy);
    assertThat(model.run(PROMPT, plan).activation("blocks.0.hook_resid_pre").values())
        .isEqualTo(copy);
  }
}
