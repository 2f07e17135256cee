package dev.diopter.lens.tuned;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.UsageException;
import dev.diopter.models.ModelException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What must hold to the bit. */
class UnembeddingTest {
  private static final Prompt PROMPT = Prompt.ofIds(0, 5, 17, 900, 3, 3, 1023);

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void logits_finalResidual_areTheModels(String name) {
    try (Model model = TunedCase.open(name)) {
      int last = model.config().layers() - 1;
      RunResult run =
          model
              .run(
                  RunRequest.of(PROMPT)
                      .plan(HookPlan.reading("blocks.%d.hook_resid_post".formatted(last)))
                      .logits(Logits.ALL))
              .getFirst();
      float[] residual = run.activations().values().iterator().next().values();
      Unembedding unembedding = new Unembedding(model);
      assertThat(unembedding.logits(residual)).isEqualTo(run.logits());
      int width = unembedding.width();
      int vocabulary = unembedding.vocabulary();
      float[] third = Arrays.copyOfRange(residual, 2 * width, 3 * width);
      assertThat(unembedding.logits(third))
          .isEqualTo(Arrays.copyOfRange(run.logits(), 2 * vocabulary, 3 * vocabulary));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void logits_untrainedTunedLens_areTheLogitLens(String name) {
    try (Model model = TunedCase.open(name)) {
      RunResult run = model.run(PROMPT, HookPlan.reading(LensSite.RESID_MID.hooks()));
      Unembedding unembedding = new Unembedding(model);
      LensConfig config = LensConfig.of(name, model.config(), LensSite.RESID_MID, null);
      Lens tuned = TunedLens.untrained(config);
      Lens logit = LogitLens.of(model.config(), LensSite.RESID_MID);
      for (int layer = 0; layer < model.config().layers(); layer++) {
        float[] stream = run.activation(LensSite.RESID_MID.hook(layer)).values();
        assertThat(unembedding.logits(tuned.transform(layer, stream)))
            .isEqualTo(unembedding.logits(logit.transform(layer, stream)));
      }
      assertThatThrownBy(() -> tuned.transform(-1, new float[0]))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> logit.transform(model.config().layers(), new float[0]))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void forEach_manyRows_comeInOrderWithTheirOwnBits() {
    try (Model model = TunedCase.open("demo-gpt2")) {
      Unembedding unembedding = new Unembedding(model);
      int rows = unembedding.rowsAtATime() + 3;
      int width = unembedding.width();
      int vocabulary = unembedding.vocabulary();
      float[] residuals = new float[rows * width];
      for (int i = 0; i < residuals.length; i++) {
        residuals[i] = (float) Math.sin(i);
      }
      int[] next = {0};
      unembedding.forEach(
          residuals,
          (first, count, logits) -> {
            assertThat(first).isEqualTo(next[0]);
            next[0] += count;
            int row = first + count - 1;
            float[] alone =
                unembedding.logits(Arrays.copyOfRange(residuals, row * width, (row + 1) * width));
            assertThat(Arrays.copyOfRange(logits, (count - 1) * vocabulary, count * vocabulary))
                .isEqualTo(alone);
          });
      assertThat(next[0]).isEqualTo(rows);
    }
  }

  @Test
  void unembed_tooSmallArraysOrAClosedModel_areRefused() {
    Model model = TunedCase.open("demo-gpt2");
    assertThatThrownBy(() -> model.unembed(new float[128], 2, new float[2048]))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected 2 rows of 128 numbers");
    model.unembed(new float[0], 0, new float[0]);
    model.close();
    assertThatThrownBy(() -> model.unembed(new float[128], 1, new float[1024]))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("closed");
  }
}
