package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.models.BlockSurgery;
import dev.diopter.models.ModelException;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.WeightProcessing;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Deleted, moved and replaced blocks. */
class BlockSurgeryTest {
  private static final ModelOptions OPTIONS = new ModelOptions("cpu", 2);
  private static final Prompt PROMPT = Prompt.ofIds(0, 5, 17, 44, 9);

  /** Logits where the blocks of a whole model are run one by one in some order. */
  private static float[] oneByOne(Model model, int... order) {
    List<float[]> stream = List.of(residual(model, RunRequest.of(PROMPT).stopAt(0)));
    for (int block : order) {
      RunRequest one = RunRequest.of(PROMPT).startAt(block, stream).stopAt(block + 1);
      stream = List.of(residual(model, one));
    }
    int rows = PROMPT.length();
    float[] logits = new float[rows * model.config().vocabulary()];
    model.unembed(stream.getFirst(), rows, logits);
    return logits;
  }

  private static float[] residual(Model model, RunRequest request) {
    return Objects.requireNonNull(model.run(request).getFirst().residual());
  }

  private static float[] logits(Model model) {
    return model.run(RunRequest.of(PROMPT).logits(Logits.ALL)).getFirst().logits();
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void surgery_anyOrder_hasTheBitsOfTheBlocksRunOneByOne(String name) {
    try (OpenModel stored = ModelStore.system().open(name);
        Model whole = Model.open(stored, OPTIONS)) {
      try (Model without = Model.open(BlockSurgery.delete(stored, 4, 1), OPTIONS)) {
        assertThat(without.config().layers()).isEqualTo(4);
        assertThat(without.name()).isEqualTo(name + " (blocks 0,2,3,5)");
        assertThat(logits(without)).isEqualTo(oneByOne(whole, 0, 2, 3, 5));
        assertThat(without.generate(PROMPT, GenerationOptions.greedy(3)).ids()).isNotEmpty();
      }
      try (Model moved = Model.open(BlockSurgery.permute(stored, 5, 4, 3, 2, 1, 0), OPTIONS)) {
        assertThat(logits(moved)).isEqualTo(oneByOne(whole, 5, 4, 3, 2, 1, 0));
      }
      try (Model twice = Model.open(BlockSurgery.ordered(stored, 0, 1, 1, 2, 3, 4, 5), OPTIONS)) {
        assertThat(logits(twice)).isEqualTo(oneByOne(whole, 0, 1, 1, 2, 3, 4, 5));
      }
      try (Model same = Model.open(BlockSurgery.permute(stored, 0, 1, 2, 3, 4, 5), OPTIONS)) {
        assertThat(logits(same)).isEqualTo(logits(whole));
      }
      try (OpenModel replaced = BlockSurgery.replace(stored, stored, Map.of(2, 3));
          Model model = Model.open(replaced, OPTIONS)) {
        assertThat(logits(model)).isEqualTo(oneByOne(whole, 0, 1, 3, 3, 4, 5));
      }
    }
  }

  @Test
  void surgery_badInput_isToldInOneLine() {
    try (OpenModel gpt2 = ModelStore.system().open("demo-gpt2");
        OpenModel llama = ModelStore.system().open("demo-llama")) {
      assertThatThrownBy(() -> BlockSurgery.delete(gpt2, 6))
          .isInstanceOf(ModelException.class)
          .hasMessage("expected blocks 0 to 5 of demo-gpt2, got 6");
      assertThatThrownBy(() -> BlockSurgery.delete(gpt2, 0, 1, 2, 3, 4, 5))
          .hasMessageContaining("expected at least one block, got none");
      assertThatThrownBy(() -> BlockSurgery.permute(gpt2, 0, 1, 2, 3, 4, 4))
          .hasMessageContaining("expected each of 0 to 5 once, got [0, 1, 2, 3, 4, 4]");
      assertThatThrownBy(() -> BlockSurgery.replace(gpt2, llama, Map.of(0, 0)))
          .hasMessageContaining("block 0: expected one of the shapes norm [128]+bias");
      assertThatThrownBy(() -> BlockSurgery.replace(gpt2, gpt2, Map.of(0, 6)))
          .hasMessage("expected blocks 0 to 5 of demo-gpt2, got 6");
    }
  }

  @Test
  void replace_processedModel_takesBlocksOfItsProcessingAlone() {
    WeightProcessing centred = WeightProcessing.ofNames(List.of("center_writing_weights"));
    try (OpenModel raw = ModelStore.system().open("demo-gpt2");
        OpenModel processed = ModelStore.system().open("demo-gpt2", centred);
        OpenModel again = ModelStore.system().open("demo-gpt2", centred)) {
      assertThatThrownBy(() -> BlockSurgery.replace(processed, raw, Map.of(0, 0)))
          .isInstanceOf(ModelException.class)
          .hasMessage(
              "blocks of demo-gpt2: expected the processing of demo-gpt2 (center_writing_weights),"
                  + " got weights as they are: open both with one");
      assertThatThrownBy(() -> BlockSurgery.replace(raw, processed, Map.of(0, 0)))
          .hasMessageContaining("(weights as they are), got center_writing_weights");
      assertThat(BlockSurgery.replace(processed, again, Map.of(0, 1)).processing())
          .isEqualTo(centred);
    }
  }
}
