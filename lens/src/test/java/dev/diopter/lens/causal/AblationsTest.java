package dev.diopter.lens.causal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.LogitLens;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AblationsTest {
  private static final int LAYER = 2;
  private static final String PRE = "blocks.2.hook_resid_pre";
  private static final String POST = "blocks.2.hook_resid_post";
  private static final List<Prompt> EQUAL =
      List.of(Prompt.ofIds(0, 5, 17, 9), Prompt.ofIds(0, 8, 4, 99), Prompt.ofIds(3, 1, 2, 700));
  private static Model model;

  @BeforeAll
  static void open() {
    model = Model.open("demo-gpt2", new ModelOptions("cpu", 2));
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static List<float[]> read(List<Prompt> prompts, HookPlan plan, String hook) {
    List<RunResult> runs = model.run(RunRequest.of(prompts).plan(plan.and(HookPlan.reading(hook))));
    return runs.stream().map(run -> run.activation(hook).values()).toList();
  }

  /** What block 2 adds under a plan. */
  private static float[] added(List<Prompt> prompts, HookPlan plan) {
    float[] before = Alignment.joined(read(prompts, plan, PRE));
    float[] after = Alignment.joined(read(prompts, plan, POST));
    for (int i = 0; i < after.length; i++) {
      after[i] -= before[i];
    }
    return after;
  }

  @Test
  void layer_zero_leavesTheStreamAsItCameIn() {
    List<Prompt> ragged = List.of(EQUAL.get(0), Prompt.ofIds(7, 7));
    HookPlan plan = Ablations.layer(model, ragged, LAYER, Ablation.ZERO, Ablations.Over.PROMPTS, 0);
    assertThat(Alignment.joined(read(ragged, plan, POST)))
        .isEqualTo(Alignment.joined(read(ragged, HookPlan.NONE, PRE)));
  }

  @Test
  void layer_mean_overPromptsOrTokens_isTheMeanOfWhatItAdds() {
    float[] clean = added(EQUAL, HookPlan.NONE);
    int size = 4 * 128;
    float[] byPrompt =
        added(
            EQUAL, Ablations.layer(model, EQUAL, LAYER, Ablation.MEAN, Ablations.Over.PROMPTS, 0));
    float[] byToken =
        added(EQUAL, Ablations.layer(model, EQUAL, LAYER, Ablation.MEAN, Ablations.Over.TOKENS, 0));
    for (int i = 0; i < clean.length; i++) {
      double mean = 0;
      for (int s = 0; s < 3; s++) {
        mean += clean[s * size + i % size] / 3.0;
      }
      assertThat((double) byPrompt[i]).isCloseTo(mean, within(1e-4));
      double all = 0;
      for (int r = 0; r < 12; r++) {
        all += clean[r * 128 + i % 128] / 12.0;
      }
      assertThat((double) byToken[i]).isCloseTo(all, within(1e-4));
    }
  }

  @Test
  void layer_resample_addsWhatItAddsElsewhere() {
    float[] clean = added(EQUAL, HookPlan.NONE);
    HookPlan plan =
        Ablations.layer(model, EQUAL, LAYER, Ablation.RESAMPLE, Ablations.Over.PROMPTS, 4);
    float[] found = added(EQUAL, plan);
    int[] order = Derangement.sample(3, 4).order();
    int size = 4 * 128;
    for (int i = 0; i < clean.length; i++) {
      assertThat(found[i]).isCloseTo(clean[order[i / size] * size + i % size], within(1e-4f));
    }
  }

  @ParameterizedTest
  @EnumSource(Ablation.class)
  void subspace_behindABlock_isTakenOutOfAllRowsTogether(Ablation how) {
    List<Prompt> ragged = List.of(EQUAL.get(0), Prompt.ofIds(7, 7));
    float[] a = new float[128];
    float[] b = new float[128];
    for (int i = 0; i < 128; i++) {
      a[i] = (float) Math.sin(i);
      b[i] = (float) Math.cos(i * i);
    }
    Subspace plane = Subspace.spannedBy(a, b);
    HookPlan plan = Ablations.subspace(model, ragged, LAYER, plane, how, 9);
    float[] clean = Alignment.joined(read(ragged, HookPlan.NONE, POST));
    assertThat(Alignment.joined(read(ragged, plan, POST))).isEqualTo(plane.remove(clean, how, 9));
  }

  @ParameterizedTest
  @EnumSource(LensSite.class)
  void measure_anySite_runsTheRestOnTheChangedStream(LensSite site) {
    Alignment alignment = new Alignment(model, LogitLens.of(model.config(), site), EQUAL);
    float[] v = new float[128];
    v[3] = 1;
    Subspace one = Subspace.ofOrthonormal(v);
    Response last = alignment.measure(5, one, Ablation.MEAN, 0);
    Response early = alignment.measure(0, one, Ablation.MEAN, 0);
    if (site == LensSite.RESID_POST) {
      // Nothing runs behind the last block, so lens and model say the same.
      assertThat(last.effect()).isEqualTo(last.stimulus());
      assertThat(last.alignment()).isCloseTo(1, within(1e-6));
      HookPlan plan = Ablations.subspace(model, EQUAL, 0, one, Ablation.MEAN, 0);
      float[] changed = Alignment.joined(read(EQUAL, plan, "blocks.5.hook_resid_post"));
      Response whole =
          alignment.measure(5, Subspace.ofOrthonormal(new float[128]), Ablation.MEAN, 0);
      assertThat(whole.effect()).isZero();
      assertThat(whole.alignment()).isNaN();
      assertThat(changed).isNotEqualTo(alignment.rows(5));
    }
    assertThat(early.effect()).isPositive();
    assertThat(early.alignment()).isBetween(-1.0, 1.0);
  }

  @Test
  void layer_badInput_isToldInOneLine() {
    List<Prompt> ragged = new ArrayList<>(EQUAL);
    ragged.add(Prompt.ofIds(1));
    assertThatThrownBy(
            () -> Ablations.layer(model, ragged, 0, Ablation.MEAN, Ablations.Over.PROMPTS, 0))
        .hasMessageContaining("expected prompts of one length, got [4, 4, 4, 1]");
    assertThatThrownBy(() ->
            Ablations.layer(
                model, List.of(EQUAL.get(0)), 0, Ablation.MEAN, Ablations.Over.PROMPTS, 0))
        .hasMessage("mean ablation: expected at least 2 rows, got 1");
    Subspace small = Subspace.spannedBy(new float[] {1});
    assertThatThrownBy(() -> Ablations.subspace(model, EQUAL, 0, small, Ablation.ZERO, 0))
        .hasMessageContaining("expected a subspace of 128 numbers for demo-gpt2, got one of 1");
  }
}
