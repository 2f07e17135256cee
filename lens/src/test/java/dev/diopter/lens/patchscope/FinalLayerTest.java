package dev.diopter.lens.patchscope;

import static dev.diopter.lens.patchscope.Models.assertSameBits;
import static dev.diopter.lens.patchscope.Models.randomPrompt;
import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.RunRequest;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The final norm's output as a layer, and what the paper's code makes of the last block. */
class FinalLayerTest {
  private static final String MODELS =
      """
      gpt2-tiny, cpu
      gpt2-tiny, reference
      llama-gqa, cpu
      llama-gqa, reference
      """;

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void final_intoFinal_givesTheSourcesLogitsWithoutABlock(String name, String backend) {
    Random random = Models.random(name + backend);
    try (Model model = Models.open(name, backend, 1)) {
      Source source = Source.of(model, randomPrompt(model, random, 6)).layer(Layer.FINAL).at(3);
      Target target =
          Target.of(model, randomPrompt(model, random, 4)).layer(Layer.FINAL).newTokens(1).at(-1);
      Patchscope scope = Patchscope.of(Patch.of(source, target));
      assertThat(scope.estimate().counters().tokenLayers())
          .isEqualTo(10L * model.config().layers());
      Cell cell = scope.run().getFirst();
      assertSameBits(name, cell.logits(), logits(model, source, 3));
      assertThat(cell.route()).hasToString("layer final to layer final");
      // All positions of an equal length, read at every one of them.
      Target all = target.with(Input.of(randomPrompt(model, random, 6))).at(Positions.ALL);
      Cell whole =
          Patchscope.of(Patch.of(source.at(Positions.ALL), all))
              .readout(Readout.DEFAULT.withAllRows())
              .run()
              .getFirst();
      float[] expected =
          model.run(RunRequest.of(source.input().prompt()).logits(Logits.ALL)).getFirst().logits();
      assertSameBits(name, whole.logits(), expected);
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void final_whereNothingIsRead_isRefused(String name, String backend) {
    Random random = Models.random(name + backend);
    try (Model model = Models.open(name, backend, 1)) {
      Source source = Source.of(model, randomPrompt(model, random, 3)).at(-1);
      Target target =
          Target.of(model, randomPrompt(model, random, 5)).layer(Layer.FINAL).at(1).newTokens(1);
      Patchscope scope = Patchscope.of(Patch.of(source, target));
      assertThat(scope.problems())
          .singleElement()
          .asString()
          .contains("position 1 is not read: write position 4, or read the patched one");
      assertThat(scope.readout(Readout.DEFAULT.at(Readout.At.PATCHED)).run()).hasSize(1);
      assertThat(Patchscope.of(Patch.of(source, target.heads(Heads.of(0)).at(-1))).problems())
          .singleElement()
          .asString()
          .contains("heads are those of a block, got final");
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void paperCompat_lastBlocks_areBehindTheNorm(String name, String backend) {
    Random random = Models.random(name + backend);
    try (Model model = Models.open(name, backend, 1)) {
      int last = model.config().layers() - 1;
      Source source = Source.of(model, randomPrompt(model, random, 6)).at(-1);
      Target target = Target.of(model, randomPrompt(model, random, 4)).at(-1).newTokens(1);
      List<Layer> blocks = Layer.blocks(model.config());
      Sweep plain = Sweep.of(Patch.of(source, target)).grid(blocks, blocks);
      List<Cell> ours = Patchscope.of(plain).run();
      List<Cell> theirs = Patchscope.of(plain.paperCompat()).run();
      for (int i = 0; i < ours.size(); i++) {
        Patch patch = ours.get(i).patch();
        boolean from = patch.source().layer().block() == last;
        boolean to = patch.target().layer().block() == last;
        Patch other = theirs.get(i).patch();
        assertThat(other.source().layer()).isEqualTo(from ? Layer.FINAL : patch.source().layer());
        assertThat(other.target().layer())
            .isEqualTo(from && to ? Layer.FINAL : patch.target().layer());
        if (from && !to) {
          assertThat(Arrays.equals(theirs.get(i).logits(), ours.get(i).logits())).isFalse();
        } else {
          // Written behind the norm what came from there: the same prediction as within the stream.
          assertSameBits(name + " " + i, theirs.get(i).logits(), ours.get(i).logits());
        }
      }
      Patch heads = Patch.of(source.heads(Heads.of(0)), target.heads(Heads.of(1))).paperCompat();
      assertThat(heads.source().layer()).isEqualTo(Layer.LAST);
    }
  }

  private static float[] logits(Model model, Source source, int position) {
    RunRequest request = RunRequest.of(source.input().prompt()).logits(Logits.at(position));
    return model.run(request).getFirst().logits();
  }
}
