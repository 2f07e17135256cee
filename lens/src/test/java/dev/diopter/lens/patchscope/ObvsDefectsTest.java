package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import dev.diopter.engine.LogProbabilities;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.PromptOptions;
import dev.diopter.engine.RunRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What obvs 0.1.2 and the paper's code get wrong, and the test that holds it here.
 *
 * <table>
 * <caption>Defect and test; without a class, a test of this one</caption>
 * <tr><td>layers, positions and heads are not checked</td><td>{@link RefusalsTest}: layers, positions, heads</td></tr>
 * <tr><td>the empty prompt fails at run time</td><td>emptyPrompt</td></tr>
 * <tr><td>a soft prompt is a text of underscores, one token short where BOS is added; only for GPT-2</td><td>{@link AcceptanceTest} a11</td></tr>
 * <tr><td>the embedding cannot be reached</td><td>{@link AcceptanceTest} a5, a8 over all layers</td></tr>
 * <tr><td>mappings see a batch axis</td><td>{@link AcceptanceTest} a2</td></tr>
 * <tr><td>the source's tokenizer reads the target; layers are looked up by the other family's names</td><td>twoModels</td></tr>
 * <tr><td>head patches only of GPT-2; heads of one side alone are logged</td><td>{@link AcceptanceTest} a12</td></tr>
 * <tr><td>positions and heads are paired one by one</td><td>{@link AcceptanceTest} a4</td></tr>
 * <tr><td>vectors of another number than places fail inside the run</td><td>{@link RefusalsTest}: shapes</td></tr>
 * <tr><td>the source is run again for every cell, and everything twice by its scan</td><td>{@link SweepPropertyTest}: costs its minimum</td></tr>
 * <tr><td>clear deletes results that somebody holds</td><td>results_outliveTheNextRun</td></tr>
 * <tr><td>over changes its source and target; read-outs belong to the latest cell</td><td>{@link RefusalsTest}: sweeps, results_outliveTheNextRun</td></tr>
 * <tr><td>over gives the first step's logits alone</td><td>{@link AcceptanceTest} a14</td></tr>
 * <tr><td>over_pairs ends with the shorter list</td><td>{@link RefusalsTest}: pairs</td></tr>
 * <tr><td>an early end of text breaks the read-outs</td><td>endOfText, {@link RefusalsTest}: endOfText</td></tr>
 * <tr><td>None as position breaks top_k_tokens</td><td>patchedReading</td></tr>
 * <tr><td>top_k_probs is a list of ones</td><td>{@link RefusalsTest}: topK</td></tr>
 * <tr><td>output and llama_output are the teacher-forced tokens; blanks are lost</td><td>text_isPromptAndContinuation, {@link ObvsCasesTest}</td></tr>
 * <tr><td>generated ids are argmaxes taken again</td><td>{@link SweepPropertyTest}: ids of a real generation</td></tr>
 * <tr><td>find_in hits the first token's id anywhere</td><td>{@link RefusalsTest}: substrings</td></tr>
 * <tr><td>the truth is read at the last position whatever the phrase</td><td>truth_isReadAtTheSourcesPosition</td></tr>
 * <tr><td>a word without a blank in front, of several tokens, or behind BOS breaks the surprisal</td><td>words, {@link RefusalsTest}: words</td></tr>
 * <tr><td>only square grids are drawn, the axes swapped and without names</td><td>{@link ScopeFigureTest}</td></tr>
 * <tr><td>the logit lens generates ten tokens, or runs once for each layer</td><td>{@link AcceptanceTest} a16</td></tr>
 * <tr><td>two surprisals have one name</td><td>surprisals_haveTheirOwnNames</td></tr>
 * <tr><td>metrics are not reset between columns</td><td>{@link AcceptanceTest} a15: they have no state</td></tr>
 * <tr><td>the paper's code leaves a target of one token alone</td><td>{@link RefusalsTest}: oneTokenTarget</td></tr>
 * <tr><td>the paper's code puts normed vectors into the stream</td><td>{@link FinalLayerTest}: only when asked for</td></tr>
 * <tr><td>the paper's code pads without a mask and drops the last part of a batch</td><td>lengths_differInOneSweep, {@link ThreadsAndChunksTest}</td></tr>
 * </table>
 */
class ObvsDefectsTest {
  private static final PromptOptions BOS = new PromptOptions(true, true);

  private static Model gpt2;
  private static Model llama;

  @BeforeAll
  static void open() {
    gpt2 = Models.open("demo-gpt2", "cpu", 1);
    llama = Models.open("demo-llama", "cpu", 1);
  }

  @AfterAll
  static void close() {
    gpt2.close();
    llama.close();
  }

  private static Source source() {
    return Source.of(llama, llama.prompt("The capital of Japan is", BOS)).at(-1).layer(3);
  }

  private static Target target() {
    return Target.of(llama, llama.prompt("cat is cat; red is red; Rome is", BOS)).at(-1).layer(3);
  }

  private static float[] logits(Source source, int position) {
    RunRequest request = RunRequest.of(source.input().prompt()).logits(Logits.at(position));
    return source.model().run(request).getFirst().logits();
  }

  @Test
  void emptyPrompt_isRefusedBeforeAnythingRuns() {
    assertThatThrownBy(() -> Source.of(gpt2, ""))
        .isInstanceOfAny(
            dev.diopter.engine.UsageException.class, dev.diopter.models.ModelException.class)
        .hasMessageContaining("at least one");
  }

  @Test
  void twoModels_keepTheirOwnTokensAndLayers() {
    Source source = Source.of(gpt2, "The capital of Japan is").at(Positions.of("Japan")).layer(-1);
    Target target = target().at(Positions.of("Rome")).layer(-1).newTokens(2);
    Cell cell = Patchscope.run(Patch.of(source, target));
    int[] from = source.input().prompt().ids();
    int[] to = target.input().prompt().ids();
    assertThat(gpt2.tokenizer().label(from[cell.sourcePositions()[0]])).isEqualTo(" Japan");
    assertThat(
            Arrays.stream(cell.targetPositions())
                .mapToObj(p -> llama.tokenizer().label(to[p]))
                .collect(java.util.stream.Collectors.joining()))
        .isEqualTo(" Rome");
    assertThat(cell.route())
        .isEqualTo(new Mapping.Route(gpt2.config().layers(), llama.config().layers()));
    Cell back = Patchscope.run(Patch.of(source(), Target.of(gpt2, "The sun").at(0).newTokens(1)));
    assertThat(back.route().sourceEntry()).isEqualTo(4);
  }

  @Test
  void results_outliveTheNextRun() {
    Patchscope scope =
        Patchscope.of(
            Sweep.of(Patch.of(source(), target().newTokens(1)))
                .diagonal(Layer.blocks(llama.config())));
    List<Cell> cells = scope.run();
    float[] first = cells.getFirst().logits().clone();
    Cell again = scope.run().getFirst();
    Models.assertSameBits("first", cells.getFirst().logits(), first);
    Models.assertSameBits("again", again.logits(), first);
    assertThat(again.logits()).isNotSameAs(cells.getFirst().logits());
    assertThat(cells.getLast().logits()).isNotEqualTo(first);
  }

  @Test
  void endOfText_atTheFirstStep_endsThatCellAndNoOther() {
    int eos = llama.config().eosIds().iterator().next();
    // Unembedding is embedding here: behind the norm the end of text's own vector says itself.
    Source ends = Source.of(llama, Prompt.ofIds(eos)).layer(Layer.EMBED);
    Patch stops = Patch.of(ends, target().layer(Layer.FINAL).newTokens(5));
    Patch goesOn = Patch.of(source(), target().newTokens(5));
    Readout steps = Readout.DEFAULT.withAllSteps();
    List<Cell> cells = Patchscope.of(List.of(stops, goesOn, stops)).readout(steps).run();
    assertThat(cells.get(0).generatedIds()).containsExactly(eos);
    assertThat(cells.get(0).stepLogits()).hasSize(1);
    assertThat(cells.get(2).generatedIds()).containsExactly(eos);
    assertThat(cells.get(1).generatedIds())
        .isEqualTo(Patchscope.run(goesOn).generatedIds())
        .hasSizeGreaterThan(1);
    Patch through = stops.target(stops.target().ignoringEos());
    assertThat(Patchscope.run(through).generatedIds()).hasSize(5).startsWith(eos);
  }

  @Test
  void patchedReading_ofAllPositions_readsTheLastOne() {
    Target all = target().at(Positions.ALL).newTokens(1);
    Patch patch = Patch.of(source(), all);
    Cell patched =
        Patchscope.of(patch).readout(Readout.DEFAULT.at(Readout.At.PATCHED)).run().getFirst();
    assertThat(patched.reading().position()).isEqualTo(all.input().length() - 1);
    assertThat(patched.reading().top()).hasSize(10);
    Cell inner =
        Patchscope.of(patch.target(all.at(2)))
            .readout(Readout.DEFAULT.at(Readout.At.PATCHED))
            .run()
            .getFirst();
    assertThat(inner.reading().position()).isEqualTo(2);
  }

  @Test
  void text_isPromptAndContinuation() {
    Cell cell =
        Patchscope.of(Patch.of(source(), target().newTokens(6)))
            .readout(Readout.DEFAULT.withAllRows())
            .run()
            .getFirst();
    String prompt = llama.tokenizer().decode(target().input().prompt().ids());
    assertThat(cell.fullText()).isEqualTo(prompt + cell.text()).contains("red is red; Rome is");
    assertThat(cell.text()).isEqualTo(llama.tokenizer().decode(cell.generatedIds()));
    // What a reader of the prompt expects is another thing, with its own name.
    assertThat(cell.teacherForced()).hasSize(target().input().length());
  }

  @Test
  void truth_isReadAtTheSourcesPosition() {
    Source phrase = source().at(Positions.of("capital"));
    int at = phrase.slots().positions()[0];
    Cell cell = Patchscope.run(Patch.of(phrase, target().newTokens(1)));
    float[] there = logits(phrase, at);
    assertThat(cell.reading().sourceTop()).isEqualTo(LogProbabilities.top(there, 1)[0]);
    assertThat(cell.reading().sourceTop())
        .isNotEqualTo(LogProbabilities.top(logits(source(), phrase.input().length() - 1), 1)[0]);
  }

  @Test
  void words_areOneTokenWithoutTemplatesOrBlanks() {
    for (Model model : List.of(gpt2, llama)) {
      int with = Readout.DEFAULT.words(model, List.of(" red")).tokens().getFirst();
      assertThat(model.tokenizer().label(with)).isEqualTo(" red");
      // Without the blank it is another token, or several, which is said; nothing breaks.
      try {
        int without = Readout.DEFAULT.words(model, List.of("red")).tokens().getFirst();
        assertThat(without).isNotEqualTo(with);
      } catch (dev.diopter.engine.UsageException e) {
        assertThat(e).hasMessageContaining("token 'red': expected one token");
      }
    }
  }

  @Test
  void surprisals_haveTheirOwnNames() {
    Cell cell = Patchscope.run(Patch.of(source().layer(0), target().layer(0).newTokens(1)));
    float[] here = cell.logits();
    float[] truth = logits(source(), source().input().length() - 1);
    int sourceTop = LogProbabilities.top(truth, 1)[0];
    int patchedTop = LogProbabilities.top(here, 1)[0];
    assertThat(sourceTop).isNotEqualTo(patchedTop);
    assertThat(cell.reading().surprisalOfSourceTop())
        .isCloseTo(Metrics.surprisal(here, sourceTop), offset(1e-12));
    assertThat(cell.reading().surprisalOfPatchedTop())
        .isCloseTo(Metrics.surprisal(truth, patchedTop), offset(1e-12));
    assertThat(cell.reading().surprisalOfSourceTop())
        .isNotEqualTo(cell.reading().surprisalOfPatchedTop());
  }

  @Test
  void lengths_differInOneSweep() {
    List<Patch> patches = new ArrayList<>();
    for (String text : List.of("The sun", "The capital of Japan is", "cat", "Mary gave a book")) {
      Source from = Source.of(llama, llama.prompt(text, BOS)).at(-1).layer(2);
      for (String into : List.of("Rome is", "cat is cat; red is red; Rome is", "?")) {
        Target to = Target.of(llama, llama.prompt(into, BOS)).at(-1).layer(1).newTokens(4);
        patches.add(Patch.of(from, to));
      }
    }
    List<Cell> cells = Patchscope.of(patches).run();
    assertThat(cells).hasSize(12);
    for (Cell cell : cells) {
      Cell alone = Patchscope.run(cell.patch());
      Models.assertSameBits("cell " + cell.index(), cell.logits(), alone.logits());
      assertThat(cell.generatedIds()).isEqualTo(alone.generatedIds());
    }
    assertThat(Arrays.equals(cells.get(0).logits(), cells.get(3).logits())).isFalse();
  }
}
