package dev.diopter.lens.patchscope;

import static dev.diopter.lens.patchscope.Models.assertClose;
import static dev.diopter.lens.patchscope.Models.assertSameBits;
import static dev.diopter.lens.patchscope.Models.randomPrompt;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The cases that obvs's own tests describe (A1 to A18), of those that need no particular weights.
 */
class AcceptanceTest {
  private static final String MODELS =
      """
      demo-gpt2, cpu
      demo-gpt2, reference
      demo-llama, cpu
      demo-llama, reference
      """;

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void a1_defaults_areObvss(String name, String backend) {
    try (Model model = Models.open(name, backend, 1)) {
      Source source = Source.of(model, "The sun");
      assertThat(source.layer()).isEqualTo(Layer.LAST);
      assertThat(source.positions()).isEqualTo(Positions.ALL);
      assertThat(source.heads()).isEqualTo(Heads.NONE);
      Target target = Target.of(model, "The sun");
      assertThat(target.newTokens()).isEqualTo(10);
      assertThat(target.schedule()).isEqualTo(Schedule.PROMPT);
      Target same = Target.from(source.layer(2).at(1)).newTokens(1);
      assertThat(same.newTokens()).isEqualTo(1);
      assertThat(same.layer()).isEqualTo(Layer.of(2));
      assertThat(same.positions()).isEqualTo(Positions.at(1));
      assertThat(same.input()).isEqualTo(source.input());
      assertThat(Source.of(model).input().prompt().ids()).containsExactly(0);
    }
  }

  @Test
  void a2_mappings_doWhatTheySay() {
    Mapping.Route route = new Mapping.Route(1, 2);
    float[] vector = {1, 2, 3};
    assertThat(Mapping.IDENTITY.apply(vector, route)).containsExactly(1, 2, 3);
    assertThat(Mapping.add("one", 1, 1, 1).apply(vector, route)).containsExactly(2, 3, 4);
    assertThat(Mapping.scale(2).then(Mapping.add("one", 1, 1, 1)).apply(vector, route))
        .containsExactly(3, 5, 7);
    Mapping reversed = Mapping.of("reversed", v -> new float[] {v[2], v[1], v[0]});
    assertThat(reversed.apply(vector, route)).containsExactly(3, 2, 1);
    assertThat(vector).containsExactly(1, 2, 3);
  }

  @Test
  void a3_softPrompts_haveTwoAxesOrAnAxisOfOneInFront() {
    assertThat(Input.soft(new int[] {2, 2}, 1, 2, 3, 4).length()).isEqualTo(2);
    assertThat(Input.soft(new int[] {1, 2, 2}, 1, 2, 3, 4).length()).isEqualTo(2);
    for (int[] shape : new int[][] {{4}, {1, 1, 2, 2}, {2, 1, 2}}) {
      assertThatThrownBy(() -> Input.soft(shape, 1, 2, 3, 4))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("soft prompt: expected shape");
    }
    assertThatThrownBy(() -> Input.soft(new int[] {2, 3}, 1, 2, 3, 4))
        .isInstanceOf(UsageException.class);
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void a4_captures_followThePrompt(String name, String backend) {
    try (Model model = Models.open(name, backend, 1)) {
      Source source = Source.of(model, "The sun and the moon");
      assertThat(source.slots().count()).isEqualTo(5);
      assertThat(source.slots().width()).isEqualTo(128);
      assertThat(source.with(Input.of(model.prompt("The sun"))).slots().count()).isEqualTo(2);
      assertThat(source.heads(Heads.of(0)).slots().width()).isEqualTo(32);
      assertThat(source.heads(Heads.of(0)).slots().count()).isEqualTo(5);
      float[][] all = source.capture();
      assertThat(all).hasDimensions(5, 128);
      assertThat(source.with(Input.of(model.prompt("The sun"))).capture()).hasDimensions(2, 128);
      assertThat(source.heads(Heads.of(0)).capture()).hasDimensions(5, 32);
      assertThat(source.at(-1).capture()[0]).isEqualTo(all[4]);
      Patch doubled = new Patch(source, Mapping.scale(2), Target.from(source));
      assertThat(doubled.map(all)[3][7]).isEqualTo(2 * all[3][7]);
      // Positions and heads: each with each, unless they are told to go together.
      Source pairs = source.at(1, 2).heads(Heads.of(0, 3));
      assertThat(pairs.slots().positions()).containsExactly(1, 1, 2, 2);
      assertThat(pairs.slots().heads()).containsExactly(0, 3, 0, 3);
      Source zipped = source.at(1, 2).heads(Heads.of(0, 3).zipped());
      assertThat(zipped.slots().positions()).containsExactly(1, 2);
      assertThat(zipped.slots().heads()).containsExactly(0, 3);
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void a5_allPositionsOfAnEqualLength_giveTheSourcesLogits(String name, String backend) {
    Random random = Models.random(name + backend);
    try (Model model = Models.open(name, backend, 2)) {
      Source source = Source.of(model, randomPrompt(model, random, 6));
      Target target = Target.of(model, randomPrompt(model, random, 6)).newTokens(1);
      List<Layer> layers = Layer.all(model.config());
      float[] expected = logits(model, source.input().prompt());
      Patchscope scope = Patchscope.of(Sweep.of(Patch.of(source, target)).diagonal(layers));
      for (Cell cell : scope.readout(Readout.DEFAULT.withAllRows()).run()) {
        assertSameBits(name + " " + cell.route(), cell.logits(), expected);
        assertThat(cell.reading().precisionAt1()).isEqualTo(1);
        assertThat(cell.reading().klFromSource()).isZero();
      }
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void a6_lastLayerLastPosition_givesTheSourcesPrediction(String name, String backend) {
    Random random = Models.random(name + backend);
    try (Model model = Models.open(name, backend, 1)) {
      Source source = Source.of(model, randomPrompt(model, random, 9)).at(-1);
      Target target = Target.of(model, randomPrompt(model, random, 4)).at(-1).newTokens(0);
      Cell cell = Patchscope.run(Patch.of(source, target));
      float[] expected = model.run(source.input().prompt()).lastLogits();
      assertSameBits(name, cell.logits(), expected);
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void a8_identityPatch_changesNothing(String name, String backend) {
    Random random = Models.random(name + backend);
    try (Model model = Models.open(name, backend, 2)) {
      Prompt prompt = randomPrompt(model, random, 7);
      float[] expected = logits(model, prompt);
      List<Patch> patches = new ArrayList<>();
      for (Layer layer : Layer.all(model.config())) {
        Source source = Source.of(model, prompt).layer(layer);
        patches.add(Patch.of(source, Target.from(source).newTokens(4)));
        patches.add(Patch.of(source.at(2, 5), Target.from(source.at(2, 5)).newTokens(4)));
        if (!layer.equals(Layer.EMBED)) {
          // Every head of a layer is that layer's z.
          Source heads = source.at(3).heads(Heads.of(0, 1, 2, 3));
          patches.add(Patch.of(heads, Target.from(heads).newTokens(4)));
        }
      }
      int[] ids = null;
      for (Cell cell : Patchscope.of(patches).readout(Readout.DEFAULT.withAllRows()).run()) {
        assertSameBits(name + " cell " + cell.index(), cell.logits(), expected);
        assertThat(cell.reading().klFromUnpatched()).isZero();
        ids = ids == null ? cell.generatedIds() : ids;
        assertThat(cell.generatedIds()).isEqualTo(ids);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void a11_softPromptOfATextsEmbeddings_isTheText(String name, String backend) {
    Random random = Models.random(name + backend);
    try (Model model = Models.open(name, backend, 1)) {
      Prompt prompt = randomPrompt(model, random, 5);
      float[] embeddings =
          model.run(prompt, HookPlan.reading("hook_embed")).activation("hook_embed").values();
      Input soft = Input.soft(new int[] {5, model.config().width()}, embeddings);
      Target target = Target.of(model, randomPrompt(model, random, 6)).at(-1).newTokens(3);
      Cell plain = Patchscope.run(Patch.of(Source.of(model, prompt).at(-1).layer(3), target));
      Cell same = Patchscope.run(Patch.of(Source.of(model, soft).at(-1).layer(3), target));
      assertSameBits(name, same.logits(), plain.logits());
      // As a target, too; and no tokenizer has a say in how many positions it has.
      Source source = Source.of(model, randomPrompt(model, random, 3)).at(-1).layer(2);
      Target into = Target.of(model, soft).at(1).layer(2).newTokens(3);
      Cell there = Patchscope.run(Patch.of(source, into));
      Cell text = Patchscope.run(Patch.of(source, into.with(Input.of(prompt))));
      assertSameBits(name, there.logits(), text.logits());
      assertThat(there.generatedIds()).isEqualTo(text.generatedIds());
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void a12_headIntoTheStream_isRefused(String name, String backend) {
    try (Model model = Models.open(name, backend, 1)) {
      Source head = Source.of(model, "The sun").at(-1).layer(1).heads(Heads.of(0));
      Patchscope scope = Patchscope.of(Patch.of(head, Target.of(model, "The moon").at(-1)));
      assertThat(scope.problems()).singleElement().asString().contains("a source head gives 32");
      assertThatThrownBy(scope::start).isInstanceOf(UsageException.class);
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void a12_queryHeads_arePatchedInEveryArchitecture(String name, String backend) {
    Random random = Models.random(name + backend);
    try (Model model = Models.open(name, backend, 1)) {
      Prompt from = randomPrompt(model, random, 5);
      Prompt to = randomPrompt(model, random, 5);
      String z = "blocks.3.attn.hook_z";
      float[] values = model.run(from, HookPlan.reading(z)).activation(z).values();
      int[] shape = {5, model.config().heads(), model.config().headDim()};
      HookPlan whole =
          HookPlan.builder()
              .replace(
                  z,
                  dev.diopter.engine.Selection.ALL,
                  new dev.diopter.engine.Operation.Value(shape, values))
              .build();
      // All heads at all positions are the layer's z; with grouped keys, too, as query heads.
      Heads all = Heads.of(IntStream.range(0, model.config().heads()).toArray());
      Source source = Source.of(model, from).layer(3).heads(all);
      Target target = Target.of(model, to).layer(3).heads(all).newTokens(1);
      Cell cell = Patchscope.run(Patch.of(source, target));
      assertSameBits(name, cell.logits(), model.run(to, whole).lastLogits());
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void a13_streamedAndCollectedCells_areTheSame(String name, String backend) {
    try (Model model = Models.open(name, backend, 1)) {
      Preset preset = Preset.named("token-identity");
      Source source = Source.of(model, "The quick brown fox jumps over the lazy");
      Sweep sweep =
          preset.sweep(
              source, model, null, dev.diopter.engine.PromptOptions.DEFAULT, Mapping.IDENTITY);
      List<Double> streamed =
          Patchscope.of(sweep).stream().map(c -> c.reading().surprisalOfSourceTop()).toList();
      List<Cell> all = Patchscope.of(sweep).run();
      assertThat(all).hasSize(7);
      int truth = all.getFirst().reading().sourceTop();
      for (Cell cell : all) {
        assertThat(Metrics.surprisal(cell.logits(), truth)).isEqualTo(streamed.get(cell.index()));
        assertThat(Metrics.hit(cell.logits(), truth, 1)).isEqualTo(cell.reading().precisionAt1());
      }
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void a14_grid_comesInSourceMajorOrderAndLazily(String name, String backend) {
    try (Model model = Models.open(name, backend, 1)) {
      Patch patch =
          Patch.of(
              Source.of(model, "The sun").at(-1),
              Target.of(model, "The moon").at(-1).newTokens(3).ignoringEos());
      List<Layer> sources = List.of(Layer.of(0), Layer.of(4));
      List<Layer> targets = Layer.list("0-3", model.config());
      Patchscope scope =
          Patchscope.of(Sweep.of(patch).grid(sources, targets))
              .readout(Readout.DEFAULT.withAllSteps());
      List<Cell> cells = scope.run();
      assertThat(cells).hasSize(8);
      assertThat(cells.stream().map(c -> c.route().sourceEntry()).toList())
          .containsExactly(1, 1, 1, 1, 5, 5, 5, 5);
      assertThat(cells.stream().map(c -> c.route().targetEntry()).toList())
          .containsExactly(1, 2, 3, 4, 1, 2, 3, 4);
      assertThat(cells).allSatisfy(c -> assertThat(c.stepLogits()).hasSize(3));
      PatchRun lazy =
          scope.limits(Limits.DEFAULT.memory(scope.estimate().chunkBytes() / 8)).start();
      assertThat(lazy.counters()).isEqualTo(Counters.NONE);
      lazy.next();
      assertThat(lazy.counters().tokenLayers())
          .isLessThan(scope.estimate().counters().tokenLayers());
    }
  }

  @Test
  void a15_metrics_areObvss() {
    float[][] two = {{.1f, .9f}, {.8f, .2f}};
    assertThat(Metrics.hit(two[0], 1, 1) + Metrics.hit(two[1], 0, 1)).isEqualTo(2);
    float[][] wrong = {{.8f, .2f}, {.7f, .3f}};
    assertThat(Metrics.hit(wrong[0], 1, 1) + Metrics.hit(wrong[1], 1, 1)).isZero();
    assertThat(Metrics.hit(new float[] {.1f, .9f, .05f}, 0, 2)).isEqualTo(1);
    assertThat(Metrics.hit(new float[] {.8f, .2f, .05f}, 1, 2)).isEqualTo(1);
    Mean hits = new Mean().add(Metrics.hit(two[0], 0, 1)).add(Metrics.hit(two[1], 0, 1));
    assertThat(hits.mean()).isEqualTo(0.5);
    assertThat(hits.deviation()).isEqualTo(0.5);
    assertThat(hits.count()).isEqualTo(2);
    double expected = -Math.log(Math.exp(.9f) / (Math.exp(.1f) + Math.exp(.9f)));
    assertThat(Metrics.surprisal(two[0], 1))
        .isCloseTo(expected, org.assertj.core.data.Offset.offset(1e-12));
    // Equal logits: the lower id comes first.
    assertThat(Metrics.hit(new float[] {1, 1}, 1, 1)).isZero();
  }

  @ParameterizedTest
  @CsvSource(textBlock = MODELS)
  void a16_logitLensByPatching_isTheLensItself(String name, String backend) {
    Random random = Models.random(name + backend);
    try (Model model = Models.open(name, backend, 2)) {
      Prompt prompt = randomPrompt(model, random, 5);
      int layers = model.config().layers();
      List<Positions> each = IntStream.range(0, 5).mapToObj(i -> Positions.at(i)).toList();
      Source source = Source.of(model, prompt);
      Sweep sweep =
          Sweep.of(Patch.of(source, Target.from(source).newTokens(0)))
              .over(each, (p, at) -> p.source(p.source().at(at)).target(p.target().at(at)))
              .grid(Layer.all(model.config()), List.of(Layer.LAST));
      Patchscope scope = Patchscope.of(sweep).readout(Readout.DEFAULT.at(Readout.At.PATCHED));
      // A patch of the last layer goes through no block, and only its own row is read.
      assertThat(scope.estimate().counters().tokenLayers()).isEqualTo(2L * 5 * layers);
      String last = "blocks.%d.hook_resid_post".formatted(layers - 1);
      var run = model.run(prompt, HookPlan.reading("blocks.*.hook_resid_pre", last));
      int vocabulary = model.config().vocabulary();
      for (Cell cell : scope.run()) {
        int entry = cell.route().sourceEntry();
        String site = entry < layers ? "blocks.%d.hook_resid_pre".formatted(entry) : last;
        float[] lens =
            model
                .run(
                    RunRequest.of(prompt)
                        .startAt(layers, List.of(run.activation(site).values()))
                        .logits(Logits.ALL))
                .getFirst()
                .logits();
        int p = cell.reading().position();
        assertSameBits(
            name, cell.logits(), Arrays.copyOfRange(lens, p * vocabulary, (p + 1) * vocabulary));
      }
    }
  }

  @Test
  void a18_surprisal_ofNoProbability_isClamped() {
    float[] logits = {0, Float.NEGATIVE_INFINITY};
    assertClose(
        "surprisal",
        new float[] {(float) Metrics.surprisal(logits, 1)},
        new float[] {27.631f},
        1e-3);
  }

  private static float[] logits(Model model, Prompt prompt) {
    return model.run(RunRequest.of(prompt).logits(Logits.ALL)).getFirst().logits();
  }
}
