package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.UsageException;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What patches are compared with. */
class ControlsTest {
  private static Model model;

  @BeforeAll
  static void open() {
    model = Models.open("demo-llama", "cpu", 1);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static Patch patch(Prompt source) {
    return Patch.of(
        Source.of(model, source).at(-1).layer(2),
        Target.of(model, "The moon is").at(-1).layer(1).newTokens(2));
  }

  private static int position(Patch patch) {
    return patch.source().slots().positions()[0];
  }

  @Test
  void shuffled_oneSource_takesVectorsOfOtherPositions() {
    int bos = model.config().bosId();
    Patch patch = patch(Prompt.ofIds(bos, 5, 6, 7, 8));
    List<Patch> each =
        IntStream.range(0, 5).mapToObj(i -> patch.source(patch.source().at(i))).toList();
    for (long seed = 0; seed < 20; seed++) {
      List<Patch> shuffled = Controls.shuffled(each, seed);
      int[] at = shuffled.stream().mapToInt(ControlsTest::position).toArray();
      assertThat(at).containsExactlyInAnyOrder(0, 1, 2, 3, 4);
      assertThat(at[0]).isZero(); // BOS is like no other.
      for (int i = 1; i < 5; i++) {
        assertThat(at[i]).as("seed %d", seed).isNotEqualTo(i);
      }
      assertThat(Controls.shuffled(each, seed)).isEqualTo(shuffled);
    }
    assertThat(IntStream.range(0, 20).mapToObj(s -> Controls.shuffled(each, s)).distinct().count())
        .isGreaterThan(1);
    Patch all = patch.source(patch.source().at(Positions.ALL));
    assertThat(Controls.shuffled(List.of(all), 3).getFirst().source().slots().count()).isEqualTo(5);
    // The vector is one that the model had: the cell is that of the other position.
    Patch other = Controls.shuffled(List.of(patch), 1).getFirst();
    Cell control = Patchscope.run(other);
    Cell there = Patchscope.run(patch.source(patch.source().at(position(other))));
    Models.assertSameBits("shuffled", control.logits(), there.logits());
  }

  @Test
  void shuffled_severalSources_takesThoseOfOtherPatches() {
    List<Patch> patches =
        List.of(patch(Prompt.ofIds(5, 6)), patch(Prompt.ofIds(7)), patch(Prompt.ofIds(8, 9, 10)));
    for (long seed = 0; seed < 10; seed++) {
      List<Patch> shuffled = Controls.shuffled(patches, seed);
      List<Input> inputs = shuffled.stream().map(p -> p.source().input()).toList();
      assertThat(inputs)
          .containsExactlyInAnyOrderElementsOf(
              patches.stream().map(p -> p.source().input()).toList());
      for (int i = 0; i < 3; i++) {
        assertThat(inputs.get(i)).isNotEqualTo(patches.get(i).source().input());
        assertThat(position(shuffled.get(i))).isEqualTo(inputs.get(i).length() - 1);
      }
    }
  }

  @Test
  void shuffled_oneSourceOfOnePosition_isRefused() {
    assertThatThrownBy(() -> Controls.shuffled(List.of(patch(Prompt.ofIds(5))), 0))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected a source of two positions or more");
    // With BOS in front there is one other.
    Patch two = patch(Prompt.ofIds(model.config().bosId(), 5));
    assertThat(position(Controls.shuffled(List.of(two), 0).getFirst())).isZero();
  }

  @Test
  void unpatched_andMean_sayWhatTheySay() {
    Patch patch = patch(Prompt.ofIds(0, 5, 6, 7, 8));
    Cell unpatched = Patchscope.run(Controls.unpatched(patch));
    assertThat(unpatched.reading().klFromUnpatched()).isZero();
    Mapping mean = Controls.mean(patch.source(), List.of(patch.source().input()), Mapping.IDENTITY);
    Cell first = Patchscope.run(patch.mapping(mean));
    Cell second = Patchscope.run(patch.source(patch.source().at(1)).mapping(mean));
    Models.assertSameBits("mean", first.logits(), second.logits());
    // Of every position, but of a BOS in front where anything is behind it.
    assertMean(Prompt.ofIds(5, 6, 7), 0, 1, 2);
    assertMean(Prompt.ofIds(model.config().bosId(), 5, 6), 1, 2);
    assertMean(Prompt.ofIds(model.config().bosId()), 0);
    Patch last = patch.source(patch.source().layer(Layer.FINAL)).mapping(mean);
    assertThat(Patchscope.of(last).run()).hasSize(1);
  }

  /** Reading of a control as what the patch's own source says would have it. */
  private static void assertMeasuredBy(Cell control, Cell patched) {
    Reading reading = control.reading();
    float[] truth =
        Patchscope.run(
                Patch.of(
                    patched.patch().source().layer(Layer.LAST),
                    Target.from(patched.patch().source()).layer(Layer.LAST).newTokens(0)))
            .logits();
    int best = Metrics.hit(truth, control.reading().best().id(), 1);
    assertThat(reading.sourceTop()).isEqualTo(patched.reading().sourceTop());
    assertThat(reading.precisionAt1()).isEqualTo(best);
    assertThat(reading.surprisalOfSourceTop())
        .isEqualTo(
            Metrics.surprisal(
                control.logits(), java.util.Objects.requireNonNull(patched.reading().sourceTop())));
    assertThat(reading.surprisalOfPatchedTop())
        .isEqualTo(Metrics.surprisal(truth, reading.best().id()));
    assertThat(reading.klFromSource()).isEqualTo(Metrics.divergence(truth, control.logits()));
  }

  @Test
  void controls_ofAnySource_areMeasuredByThePatchesSource() {
    Prompt[] sources = {
      model.prompt("The capital of Japan is", new dev.diopter.engine.PromptOptions(true, true)),
      model.prompt("The sun and the", new dev.diopter.engine.PromptOptions(true, true))
    };
    List<Patch> patches =
        java.util.Arrays.stream(sources).map(s -> patch(s).target(target(3))).toList();
    List<Cell> patched = Patchscope.of(patches).run();
    List<List<Patch>> controls =
        List.of(patches.stream().map(Controls::unpatched).toList(), Controls.shuffled(patches, 0));
    for (List<Patch> control : controls) {
      for (int top : new int[] {0, 10}) {
        Patchscope scope = Patchscope.of(control).readout(Readout.DEFAULT.top(top));
        PatchRun run = scope.start();
        for (Cell each : patched) {
          Cell cell = run.next();
          assertMeasuredBy(cell, each);
          assertThat(cell.reading().klFromSource()).isPositive();
        }
        // What measures them costs a pass of its own, which is counted.
        assertThat(run.counters()).isEqualTo(scope.estimate().counters());
      }
    }
  }

  private static Target target(int position) {
    return Target.of(model, "cat is cat; Rome is").at(position).layer(3).newTokens(1);
  }

  @Test
  void shuffled_oneSource_isMeasuredByThePatchesPosition() {
    Patch patch = patch(Prompt.ofIds(model.config().bosId(), 5, 6, 7, 8)).target(target(-1));
    Cell control = Patchscope.run(Controls.shuffled(List.of(patch), 1).getFirst());
    assertThat(position(control.patch())).isNotEqualTo(4);
    assertMeasuredBy(control, Patchscope.run(patch));
  }

  private static void assertMean(Prompt prompt, int... positions) {
    Source source = Source.of(model, prompt).layer(2);
    float[] expected = new float[model.config().width()];
    for (int i = 0; i < expected.length; i++) {
      double sum = 0;
      for (float[] vector : source.at(positions).capture()) {
        sum += vector[i];
      }
      expected[i] = (float) (sum / positions.length);
    }
    Mapping mean = Controls.mean(source, List.of(source.input()), Mapping.IDENTITY);
    Mapping.Route route = new Mapping.Route(Layer.of(2).entry(model.config(), "t"), 0);
    Models.assertSameBits("mean", mean.apply(expected, route), expected);
  }

  @Test
  void withoutLogits_changesNothingButWhatIsHeld() {
    Patchscope scope = Patchscope.of(patch(Prompt.ofIds(0, 5, 6)));
    Patchscope bare = scope.readout(Readout.DEFAULT.withoutLogits());
    assertThat(bare.run().getFirst().logits()).isEmpty();
    assertThat(bare.run().getFirst().reading()).isEqualTo(scope.run().getFirst().reading());
    assertThat(scope.estimate().heldBytes()).isEqualTo(4L * model.config().vocabulary());
    assertThat(bare.estimate()).isEqualTo(scope.estimate().holding(0));
  }

  @Test
  void shuffle_ofNumbers_isAPermutationBySeed() {
    Mapping.Route route = new Mapping.Route(0, 0);
    float[] vector = {1, 2, 3, 4, 5, 6, 7, 8};
    float[] out = Controls.shuffle(1).apply(vector, route);
    assertThat(out).containsExactlyInAnyOrder(1, 2, 3, 4, 5, 6, 7, 8);
    assertThat(out).isEqualTo(Controls.shuffle(1).apply(vector, route));
    assertThat(out).isNotEqualTo(Controls.shuffle(2).apply(vector, route));
  }
}
