package dev.diopter.lens.tuned;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.GenerationListener;
import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.GenerationResult;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.LogProbabilities;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.Selection;
import dev.diopter.engine.Steps;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LensGenerationTest {
  private static final List<Prompt> PROMPTS =
      List.of(Prompt.ofIds(0, 5, 17, 9), Prompt.ofIds(3), Prompt.ofIds(0, 700));

  private static GenerationOptions greedy(int tokens) {
    return GenerationOptions.greedy(tokens).ignoringEos();
  }

  private static Lens lens(Model model, String kind, LensSite site) {
    return kind.equals("tuned") ? TunedCase.lens(model.name()) : LogitLens.of(model.config(), site);
  }

  /** The reference's greedy example: what follows must not see the context twice. */
  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void generate_everyLayer_isARunFromTheStartAtEachStep(String name) {
    try (Model model = TunedCase.open(name)) {
      Unembedding unembedding = new Unembedding(model);
      for (LensSite site : LensSite.values()) {
        for (String kind : List.of("logit", "tuned")) {
          Lens lens = lens(model, kind, site);
          for (int layer = 0; layer < lens.layers(); layer++) {
            List<GenerationResult> results =
                new LensGeneration(model, lens, layer).generate(PROMPTS, greedy(6));
            for (int s = 0; s < PROMPTS.size(); s++) {
              int[] ids = PROMPTS.get(s).ids();
              for (int step = 0; step < 6; step++) {
                float[] rows = stream(model, lens, layer, ids);
                float[] row = Arrays.copyOfRange(rows, rows.length - 128, rows.length);
                float[] kept =
                    results.get(s).steps().get(step).activation(lens.site().hook(layer)).values();
                assertThat(Arrays.copyOfRange(kept, kept.length - 128, kept.length)).isEqualTo(row);
                float[] logits = unembedding.logits(lens.transform(layer, row));
                int next = LogProbabilities.top(logits, 1)[0];
                assertThat(results.get(s).ids()[step]).as("%s %d", site, layer).isEqualTo(next);
                ids = Arrays.copyOf(ids, ids.length + 1);
                ids[ids.length - 1] = next;
              }
            }
          }
        }
      }
    }
  }

  private static float[] stream(Model model, Lens lens, int layer, int[] ids) {
    String hook = lens.site().hook(layer);
    return model.run(Prompt.ofIds(ids), HookPlan.reading(hook)).activation(hook).values();
  }

  @Test
  void generate_batch_givesEachPromptWhatItGetsAlone() {
    try (Model model = TunedCase.open("demo-llama")) {
      LensGeneration generation = new LensGeneration(model, TunedCase.lens("demo-llama"), 3);
      GenerationOptions sampled =
          GenerationOptions.sampling(9, 1.3, 7).withTopK(40).withTopP(.9).ignoringEos();
      List<GenerationResult> together = generation.generate(PROMPTS, sampled);
      for (int s = 0; s < PROMPTS.size(); s++) {
        GenerationResult alone = generation.generate(List.of(PROMPTS.get(s)), sampled).getFirst();
        assertThat(together.get(s).ids()).hasSize(9).isEqualTo(alone.ids());
        assertThat(together.get(s).promptIds()).isEqualTo(PROMPTS.get(s).ids());
      }
    }
  }

  @Test
  void generate_lastStreamByTheLogitLens_isTheModelsOwnText() {
    try (Model model = TunedCase.open("demo-gpt2")) {
      Prompt prompt = Prompt.ofIds(0, 5, 17);
      GenerationOptions options = GenerationOptions.sampling(20, 1, 3);
      LensGeneration last =
          new LensGeneration(model, LogitLens.of(model.config(), LensSite.RESID_POST), 5);
      GenerationResult own = model.generate(prompt, options);
      GenerationResult read = last.generate(List.of(prompt), options).getFirst();
      assertThat(read.ids()).isEqualTo(own.ids());
      assertThat(read.stopped()).isEqualTo(own.stopped());
    }
  }

  @Test
  void generate_edits_actInFrontOfTheLayer() {
    try (Model model = TunedCase.open("demo-gpt2")) {
      LensGeneration generation = new LensGeneration(model, LogitLens.of(model.config()), 3);
      Selection always = Selection.ALL.steps(Steps.ALL);
      HookPlan zero = HookPlan.builder().zero("blocks.2.hook_mlp_out", always).build();
      Prompt prompt = Prompt.ofIds(0, 5, 17);
      GenerationResult edited =
          generation.generate(List.of(prompt), greedy(3), zero, GenerationListener.NONE).getFirst();
      float[] row = edited.steps().get(0).activation("blocks.3.hook_resid_pre").values();
      HookPlan once = HookPlan.builder().zero("blocks.2.hook_mlp_out").build();
      float[] expected =
          model.run(RunRequest.of(prompt).plan(once).stopAt(3)).getFirst().residual();
      assertThat(row).isEqualTo(expected);
      HookPlan behind = HookPlan.builder().zero("blocks.4.hook_mlp_out", always).build();
      assertThatThrownBy(() ->
              generation.generate(List.of(prompt), greedy(3), behind, GenerationListener.NONE))
          .hasMessageContaining("blocks.4.hook_mlp_out could not act");
    }
  }

  @Test
  void generate_noSuchLayer_isRefused() {
    try (Model model = TunedCase.open("demo-gpt2")) {
      Lens lens = LogitLens.of(model.config());
      assertThatThrownBy(() -> new LensGeneration(model, lens, 6))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(
              () -> new LensGeneration(model, new LogitLens(LensSite.RESID_PRE, 5, 128), 0))
          .hasMessageContaining("expected a lens of 6 layers of width 128 for demo-gpt2");
    }
  }
}
