package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.models.ModelException;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * What hooks do in whole passes on every backend, beyond what the fixtures hold: what is refused,
 * the order of edits, reads on both sides of them.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class HooksContract {
  private static final Prompt PROMPT = Prompt.ofIds(5, 9, 2, 44, 17, 30, 8);
  private Model model; // llama, 2 layers, 4 heads on 2 key/value heads, width 32

  /** The backend's name. */
  abstract String backend();

  /** Compares what the determinism contract makes equal. */
  void assertSame(float[] got, float[] want) {
    assertThat(got).isEqualTo(want);
  }

  @BeforeAll
  void open() {
    model = TestModels.open("llama-gqa", backend(), 1);
  }

  @AfterAll
  void close() {
    if (model != null) {
      model.close();
    }
  }

  private float[] vector() {
    float[] v = new float[model.config().width()];
    for (int i = 0; i < v.length; i++) {
      v[i] = (float) Math.sin(i + 1);
    }
    return v;
  }

  private float[] logits(HookPlan.Builder plan) {
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
    assertSame(together, apart);
    assertThat(together).isNotEqualTo(logits(HookPlan.builder()));
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
    assertSame(together, apart);
  }

  @Test
  void attnIn_otherHeadOfAGroup_feedsItsQueriesAlone() {
    float[] v = vector();
    float[] together =
        logits(HookPlan.builder().add("blocks.0.hook_attn_in", Selection.ALL.heads(3), v));
    assertSame(
        together,
        logits(HookPlan.builder().add("blocks.0.hook_q_input", Selection.ALL.heads(3), v)));
    assertThat(together).isNotEqualTo(logits(HookPlan.builder()));
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
    assertSame(inBatch.logits(), alone.logits());
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

  @Test
  void edit_deviceKindWritesInfinity_isRefusedUnlessAllowed() {
    Selection where = Selection.ALL.positions(4, 2).heads(3);
    String hook = "blocks.0.attn.hook_z";
    HookPlan.Builder plan =
        HookPlan.builder()
            .scale(hook, where, 3e38f)
            .scale(hook, where, 3e38f)
            .scale("blocks.1.hook_mlp_out", 3e38f);
    assertThatThrownBy(() -> logits(plan))
        .isInstanceOf(ModelException.class)
        .hasMessageMatching(
            "blocks\\.0\\.attn\\.hook_z, position 4, head 3: the edit \\(scale\\) wrote -?Infinity"
                + " where .*");
    HookPlan.Builder allowed = HookPlan.builder().scale(hook, where, 3e38f).allowNonFinite();
    allowed.scale(hook, where, 3e38f).allowNonFinite();
    assertThat(logits(allowed)).contains(Float.NaN);
  }

  @Test
  void edits_thatNeedTheHostAmongOthers_keepTheirOrder() {
    String hook = "blocks.0.hook_resid_mid";
    float[] v = vector();
    Selection where = Selection.ALL.positions(5, 1);
    HookPlan plan =
        HookPlan.builder()
            .read(hook, where, Read.When.BEFORE)
            .add(hook, where, v)
            .function(hook, where, view -> view.values()[0] *= 2)
            .scale(hook, where, 3)
            .read(hook, where)
            .build();
    RunResult run = model.run(PROMPT, plan);
    float[] before = run.activationsBefore().get(hook).values();
    float[] after = run.activation(hook).values();
    assertThat(after[0]).isEqualTo((before[0] + v[0]) * 2 * 3);
    assertThat(after[1]).isEqualTo((before[1] + v[1]) * 3);
    assertThat(run.activation(hook).shape()).containsExactly(2, model.config().width());
  }

  @Test
  void interpolateAndProjectOut_ofSomeHeads_followTheirFormulas() {
    String hook = "blocks.1.attn.hook_q";
    int d = model.config().headDim();
    float[] v = new float[d];
    Arrays.fill(v, 0.5f);
    HookPlan plan =
        HookPlan.builder()
            .read(hook, Selection.ALL, Read.When.BEFORE)
            .edit(
                hook,
                Selection.ALL.heads(2),
                new Operation.Interpolate(Operation.Value.of(v), 0.25f))
            .edit(hook, Selection.ALL.heads(1), new Operation.ProjectOut(Operation.Value.of(v)))
            .read(hook)
            .build();
    RunResult run = model.run(PROMPT, plan);
    Activation before = run.activationsBefore().get(hook);
    Activation after = run.activation(hook);
    for (int p = 0; p < PROMPT.length(); p++) {
      double mean = 0;
      for (int i = 0; i < d; i++) {
        mean += before.get(p, 1, i) / (double) d;
      }
      for (int i = 0; i < d; i++) {
        assertThat(after.get(p, 0, i)).isEqualTo(before.get(p, 0, i));
        assertThat(after.get(p, 2, i)).isEqualTo(0.75f * before.get(p, 2, i) + 0.125f);
        assertThat((double) after.get(p, 1, i)).isCloseTo(before.get(p, 1, i) - mean, within(1e-6));
      }
    }
  }

  /** Numbers that all differ, in a shape. */
  private static Operation.Value numbered(int... shape) {
    float[] data = new float[Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < data.length; i++) {
      data[i] = i + 1;
    }
    return new Operation.Value(shape, data);
  }

  @Test
  void replace_arrayOfTheSelectionsShape_landsInItsOrder() {
    int d = model.config().headDim();
    Selection where = Selection.ALL.positions(5, 1, 3).heads(3, 0);
    Operation.Value value = numbered(3, 2, d);
    HookPlan plan =
        HookPlan.builder()
            .replace("blocks.0.attn.hook_z", where, value)
            .read("blocks.0.attn.hook_z", where)
            .build();
    Activation read = model.run(PROMPT, plan).activation("blocks.0.attn.hook_z");
    assertThat(read.shape()).containsExactly(3, 2, d);
    assertThat(read.values()).isEqualTo(value.data());
  }

  @Test
  void replace_patternsOfTheSelectionsShape_landInItsOrder() {
    String hook = "blocks.1.attn.hook_pattern";
    Selection where = Selection.ALL.positions(6, 5).heads(2, 1, 3).keys(3, 0);
    Operation.Value value = numbered(3, 2, 2);
    HookPlan plan = HookPlan.builder().replace(hook, where, value).read(hook, where).build();
    Activation read = model.run(PROMPT, plan).activation(hook);
    assertThat(read.shape()).containsExactly(3, 2, 2);
    assertThat(read.values()).isEqualTo(value.data());
  }

  @Test
  void mean_ofHeads_isTheSameAtEveryPosition() {
    String hook = "blocks.0.attn.hook_z";
    int d = model.config().headDim();
    HookPlan plan = HookPlan.builder().mean(hook, Selection.ALL, numbered(4, d)).read(hook).build();
    Activation read = model.run(PROMPT, plan).activation(hook);
    for (int p = 0; p < PROMPT.length(); p++) {
      for (int i = 0; i < 4 * d; i++) {
        assertThat(read.get(p, i / d, i % d)).isEqualTo(i + 1);
      }
    }
  }

  @Test
  void patterns_chosenKeys_areTheOnlyOnesChanged() {
    String hook = "blocks.0.attn.hook_pattern";
    Selection where = Selection.ALL.heads(3, 0).positions(2, 6).keys(4, 1);
    HookPlan plan =
        HookPlan.builder()
            .read(hook, Selection.ALL, Read.When.BEFORE)
            .scale(hook, where, 0.5f)
            .read(hook)
            .build();
    RunResult run = model.run(PROMPT, plan);
    Activation before = run.activationsBefore().get(hook);
    Activation after = run.activation(hook);
    for (int h = 0; h < 4; h++) {
      for (int q = 0; q < PROMPT.length(); q++) {
        for (int k = 0; k < PROMPT.length(); k++) {
          boolean chosen = (h == 3 || h == 0) && (q == 2 || q == 6) && (k == 4 || k == 1);
          assertThat(after.get(h, q, k)).isEqualTo(before.get(h, q, k) * (chosen ? 0.5f : 1));
        }
      }
    }
  }

  @Test
  void plan_thatCannotFire_isRefusedBeforeAnythingIsComputed() {
    refuses("blocks.0.hook_nothing", Selection.ALL, "blocks.0.hook_nothing");
    refuses("hook_pos_embed", Selection.ALL, "hook_pos_embed");
    refuses("blocks.0.hook_mlp_out", Selection.ALL.positions(7), "7");
    refuses("blocks.0.attn.hook_z", Selection.ALL.heads(4), "4");
    assertThatThrownBy(() -> logits(HookPlan.builder().add("hook_embed", Selection.ALL, 1f)))
        .isInstanceOf(UsageException.class);
    HookPlan late =
        HookPlan.builder().read("hook_embed").zero("blocks.1.hook_mlp_out", Selection.ALL).build();
    assertThatThrownBy(() -> model.run(RunRequest.of(PROMPT).plan(late).logits(Logits.NONE)))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("could not act");
  }

  private void refuses(String hook, Selection where, String part) {
    assertThatThrownBy(() -> model.run(PROMPT, HookPlan.builder().read(hook, where).build()))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining(part);
  }
}
