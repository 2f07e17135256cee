package dev.diopter.lens.patchscope;

import static dev.diopter.lens.patchscope.Models.assertSameBits;
import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.Model;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One sweep again and again, by other threads and in other chunks. */
class ThreadsAndChunksTest {

  @ParameterizedTest
  @CsvSource({"demo-gpt2, cpu", "demo-llama, cpu", "gpt2-tiny, reference", "llama-gqa, reference"})
  void run_anyThreadsAndChunks_givesTheSameBits(String name, String backend) {
    List<Cell> expected = null;
    Counters counters = null;
    List<Integer> chunks = new ArrayList<>();
    for (int threads : new int[] {1, 2, 3, 5}) {
      try (Model model = Models.open(name, backend, threads)) {
        Patchscope scope = scope(model);
        Estimate all = scope.estimate();
        long one = all.chunkBytes() / all.chunkCells();
        for (long cells : new long[] {2, 3, 7, Integer.MAX_VALUE}) {
          Patchscope some = scope.limits(Limits.DEFAULT.memory(cells * one));
          chunks.add(some.estimate().chunkCells());
          PatchRun run = some.start();
          List<Cell> found = new ArrayList<>();
          run.forEachRemaining(found::add);
          expected = expected == null ? found : expected;
          counters = counters == null ? run.counters() : counters;
          assertThat(run.counters()).isEqualTo(counters);
          assertThat(found).hasSameSizeAs(expected);
          for (int i = 0; i < found.size(); i++) {
            String what = "%s %d threads %d cells: %d".formatted(name, threads, cells, i);
            same(what, found.get(i), expected.get(i));
          }
        }
      }
    }
    assertThat(chunks.stream().distinct().count()).isGreaterThanOrEqualTo(3);
  }

  private static void same(String what, Cell actual, Cell expected) {
    assertSameBits(what, actual.logits(), expected.logits());
    assertThat(actual.generatedIds()).as(what).isEqualTo(expected.generatedIds());
    assertThat(actual.reading()).as(what).isEqualTo(expected.reading());
    for (int step = 0; step < expected.stepLogits().size(); step++) {
      assertSameBits(what, actual.stepLogits().get(step), expected.stepLogits().get(step));
    }
  }

  private static Patchscope scope(Model model) {
    Source source = Source.of(model, Models.randomPrompt(model, new java.util.Random(7), 6)).at(-1);
    Target target =
        Target.of(model, Models.randomPrompt(model, new java.util.Random(8), 7))
            .at(4)
            .newTokens(3)
            .ignoringEos();
    List<Layer> some = List.of(Layer.EMBED, Layer.of(0), Layer.of(1));
    List<Layer> all = Layer.blocks(model.config());
    return Patchscope.of(Sweep.of(Patch.of(source, target)).grid(some, all))
        .readout(Readout.DEFAULT.withAllSteps());
  }
}
