package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What cannot be is refused before anything runs; and the defects of obvs that are refusals here.
 */
class RefusalsTest {
  private static Model model;
  private static Model other;

  @BeforeAll
  static void open() {
    model = Models.open("demo-gpt2", "cpu", 1);
    other = Models.open("gpt2-tiny", "cpu", 1);
  }

  @AfterAll
  static void close() {
    model.close();
    other.close();
  }

  private static Source source() {
    return Source.of(model, "The sun and the moon").at(-1).layer(2);
  }

  private static Target target() {
    return Target.of(model, "cat is cat; red is red; red is").at(-1).layer(3).newTokens(2);
  }

  private static void assertProblem(Source source, Target target, String message) {
    assertProblem(new Patch(source, Mapping.IDENTITY, target), message);
  }

  private static void assertProblem(Patch patch, String message) {
    Patchscope scope = Patchscope.of(patch);
    assertThat(scope.problems()).singleElement().asString().contains(message);
    assertThatThrownBy(scope::start)
        .isInstanceOf(UsageException.class)
        .hasMessageContaining(message);
    assertThatThrownBy(scope::estimate).isInstanceOf(UsageException.class);
  }

  @Test
  void layers_outOfRange_areRefused() {
    assertProblem(
        source().layer(6), target(), "source layer: expected embed, final, 0 to 5 or -1 to -6");
    assertProblem(source(), target().layer(-7), "target layer");
    assertProblem(
        source().layer(Layer.EMBED).heads(Heads.of(0)), target().heads(Heads.of(0)), "embed");
  }

  @Test
  void positions_outOfRange_areRefused() {
    assertProblem(source().at(5), target(), "source position: expected 0 to 4 or -1 to -5, got 5");
    assertProblem(source(), target().at(-30), "target position");
    assertProblem(source().at(1, 1), target().at(0, 1), "is given twice");
    assertProblem(source().at(Positions.of("star")), target(), "'star' is not in the prompt");
    assertProblem(
        source().at(new Positions.Substring("the", 4, Positions.Part.ALL)),
        target(),
        "expected an occurrence from 0 to");
  }

  @Test
  void heads_outOfRange_areRefused() {
    assertProblem(
        source().heads(Heads.of(4)), target().heads(Heads.of(0)), "source head: expected 0 to 3");
    assertProblem(
        source().at(1, 2).heads(Heads.of(1).zipped()),
        target().at(1, 2).heads(Heads.of(1)),
        "expected one for each of 2 positions");
    assertThat(Heads.parse("zip:1,3")).isEqualTo(Heads.of(1, 3).zipped());
    assertThat(Heads.parse("0-2")).isEqualTo(Heads.of(0, 1, 2));
  }

  @Test
  void shapes_thatDoNotFit_areRefused() {
    assertProblem(source().at(0, 1), target().at(0, 1, 2), "2 source vectors for 3 target places");
    assertProblem(source().at(Positions.ALL), target(), "5 source vectors for 1 target places");
    assertProblem(
        source().at(0, 1).heads(Heads.of(0, 1, 2)),
        target().at(0, 1, 2).heads(Heads.of(0, 1)),
        "2 x 3 source vectors for 3 x 2 target places");
    Source narrow = Source.of(other, dev.diopter.engine.Prompt.ofIds(1, 2)).at(-1);
    assertProblem(narrow, target(), "expected a mapping between these widths");
    Mapping affine = AffineMap.of("affine", new AffineMap.Part(2, new float[4], new float[2]));
    assertProblem(new Patch(source(), affine, target()), "takes vectors of 2 numbers, got 128");
  }

  @Test
  void schedules_thatNeverAct_areRefused() {
    assertProblem(source(), target().schedule(Schedule.steps(0, 2)), "step 2 would never act");
    assertProblem(
        source().at(0, 1),
        target().at(0, 1).schedule(Schedule.EVERY_PASS),
        "expected one source vector");
  }

  @Test
  void budgets_thatAreExceeded_areRefused() {
    Patchscope scope = Patchscope.of(Patch.of(source(), target()));
    Limits tight = Limits.DEFAULT.tokenLayers(10);
    assertThat(scope.limits(tight).problems())
        .singleElement()
        .asString()
        .contains("10 token-layers");
    assertThat(scope.limits(Limits.DEFAULT.memory(100)).problems())
        .singleElement()
        .asString()
        .contains("100 bytes of memory");
  }

  @Test
  void inputs_tooLongOrOfAnotherWidth_areRefused() {
    assertProblem(source(), target().newTokens(300), "expected at most 256 positions");
    Source narrow = source().with(Input.soft(new int[] {1, 3}, 1, 2, 3)).at(-1);
    assertProblem(narrow, target(), "expected vectors of 128 numbers");
    Source foreign = source().with(Input.of(dev.diopter.engine.Prompt.ofIds(5000)));
    assertProblem(foreign, target(), "expected ids from 0 to 1023, got 5000");
  }

  @Test
  void allProblems_areToldAtOnce() {
    List<Patch> patches =
        List.of(
            Patch.of(source().layer(9), target()),
            Patch.of(source(), target().at(99)),
            Patch.of(source().layer(9), target()));
    assertThat(Patchscope.of(patches).problems()).hasSize(2);
  }

  @Test
  void pairs_ofUnequalLengths_areRefused() {
    Sweep sweep = Sweep.of(Patch.of(source(), target()));
    assertThatThrownBy(() -> sweep.pairs(Layer.list("0-2", model.config()), List.of(Layer.LAST)))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected as many target layers");
  }

  @Test
  void words_ofSeveralTokens_areRefusedWithTheirTokens() {
    assertThatThrownBy(() -> Readout.DEFAULT.words(model, List.of(" photosynthesis")))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected one token, found");
    assertThat(Readout.DEFAULT.words(model, List.of(" red")).tokens()).containsExactly(712);
  }

  @Test
  void mapping_thatGivesNaN_isRefused() {
    Mapping broken = Mapping.of("broken", v -> new float[] {Float.NaN});
    assertThatThrownBy(() -> Patchscope.run(new Patch(source(), broken, target())))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("mapping broken: expected 128 numbers, got 1");
    Mapping nan =
        Mapping.of(
            "nan",
            v -> {
              float[] out = v.clone();
              out[3] = Float.NaN;
              return out;
            });
    assertThatThrownBy(() -> Patchscope.run(new Patch(source(), nan, target())))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected finite numbers");
  }

  @Test
  void substrings_findEveryOccurrenceCharacterForCharacter() {
    Target target = target();
    int[] every =
        target
            .at(new Positions.Substring("red", Positions.Substring.EVERY, Positions.Part.ALL))
            .slots()
            .positions();
    int[] ids = target.input().prompt().ids();
    assertThat(every).hasSize(3);
    for (int position : every) {
      assertThat(model.tokenizer().label(ids[position])).isEqualTo(" red");
    }
    // "at" lies inside of "cat", whose tokens are c and at; obvs would look for another token.
    int[] inside = target.at(Positions.of("at is")).slots().positions();
    assertThat(inside).containsExactly(1, 2);
  }

  @Test
  void oneTokenTarget_isPatchedWhenItGenerates() {
    // The paper's code leaves a prompt of one token alone.
    Target one = target().with(Input.of(dev.diopter.engine.Prompt.ofIds(30))).newTokens(3);
    Cell cell = Patchscope.run(Patch.of(source(), one));
    assertThat(cell.reading().klFromUnpatched()).isPositive();
  }

  @Test
  void endOfText_atTheFirstStep_endsThatCellAlone() {
    int eos = model.config().eosIds().iterator().next();
    // A source whose last position predicts the end of the text.
    Source ends = Source.of(model, model.withBos(model.prompt("The capital of Japan is Tokyo.")));
    Cell probe = Patchscope.run(Patch.of(ends.at(-1), target().layer(-1).newTokens(5)));
    List<Patch> both =
        List.of(
            Patch.of(ends.at(-1), target().layer(-1).newTokens(5)),
            Patch.of(source(), target().newTokens(5)));
    List<Cell> cells = Patchscope.of(both).run();
    assertThat(cells.getFirst().generatedIds()).isEqualTo(probe.generatedIds());
    for (Cell cell : cells) {
      int[] ids = cell.generatedIds();
      assertThat(ids.length == 5 || ids[ids.length - 1] == eos).isTrue();
    }
    assertThat(Patchscope.of(both).estimate().exact()).isFalse();
  }

  @Test
  void sweeps_doNotChangeTheirSpecifications() {
    // obvs leaves the last layers of a sweep in its source and target.
    Patch patch = Patch.of(source(), target());
    var _ = Patchscope.of(Sweep.of(patch).diagonal(Layer.blocks(model.config()))).run();
    assertThat(patch.source().layer()).isEqualTo(Layer.of(2));
    assertThat(Patchscope.of(patch).run()).hasSize(1);
  }

  @Test
  void topK_hasProbabilitiesOfTheWholeSoftmax() {
    // obvs takes the softmax of each logit alone.
    Cell cell = Patchscope.run(Patch.of(source(), target()));
    double sum = cell.reading().top().stream().mapToDouble(Reading.Candidate::probability).sum();
    assertThat(sum).isLessThan(1).isPositive();
    assertThat(cell.reading().top()).hasSize(10);
  }
}
