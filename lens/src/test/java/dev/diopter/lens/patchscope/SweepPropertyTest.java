package dev.diopter.lens.patchscope;

import static dev.diopter.lens.patchscope.Models.assertSameBits;
import static dev.diopter.lens.patchscope.Models.randomPrompt;
import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.GenerationListener;
import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.engine.Steps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sweeps against one whole run of the engine for each patch, to the bit. */
class SweepPropertyTest {

  @ParameterizedTest
  @CsvSource({
    "gpt2-tiny, cpu, 1",
    "gpt2-tiny, reference, 1",
    "gpt2-odd-f16, cpu, 3",
    "llama-gqa, cpu, 2",
    "llama-gqa, reference, 1",
    "llama-sharded-bf16, cpu, 1",
    "demo-gpt2, cpu, 2",
    "demo-llama, cpu, 1"
  })
  void run_randomPatches_haveTheBitsOfWholeRuns(String name, String backend, int threads) {
    Random random = Models.random(name + backend);
    try (Model model = Models.open(name, backend, threads)) {
      for (int round = 0; round < 6; round++) {
        boolean allRows = random.nextBoolean();
        Readout readout =
            Readout.DEFAULT.at(random.nextBoolean() ? Readout.At.LAST : Readout.At.PATCHED);
        readout = allRows ? readout.withAllRows() : readout;
        readout = random.nextBoolean() ? readout.withAllSteps() : readout;
        List<Patch> patches = patches(model, random);
        Patchscope scope = Patchscope.of(patches).readout(readout);
        long each = scope.estimate().chunkBytes() / Math.max(1, scope.estimate().chunkCells());
        // From one patch at a time to all of them.
        long memory = Math.max(largest(scope), (1 + random.nextInt(6)) * each);
        scope = scope.limits(Limits.DEFAULT.memory(memory));
        PatchRun run = scope.start();
        List<Cell> cells = new ArrayList<>();
        run.forEachRemaining(cells::add);
        assertThat(cells).hasSameSizeAs(patches);
        for (Cell cell : cells) {
          check(name + " round " + round + " cell " + cell.index(), cell, readout);
        }
        assertThat(run.counters()).isEqualTo(scope.estimate().counters());
        assertThat(scope.estimate().exact()).isTrue();
      }
    }
  }

  private static long largest(Patchscope scope) {
    return scope.patches().stream()
        .mapToLong(p -> Patchscope.of(p).readout(scope.readout()).estimate().chunkBytes())
        .max()
        .orElseThrow();
  }

  private static List<Patch> patches(Model model, Random random) {
    int layers = model.config().layers();
    List<Source> sources = new ArrayList<>();
    List<Target> targets = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      sources.add(Source.of(model, randomPrompt(model, random, 3 + random.nextInt(5))));
      targets.add(
          Target.of(model, randomPrompt(model, random, 4 + random.nextInt(5))).ignoringEos());
    }
    List<Patch> patches = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      Source source = sources.get(random.nextInt(2)).layer(random.nextInt(layers));
      Target target = targets.get(i / 6).layer(random.nextInt(layers));
      boolean heads = random.nextInt(3) == 0;
      if (heads) {
        source = source.heads(Heads.of(random.nextInt(model.config().heads())));
        target = target.heads(Heads.of(random.nextInt(model.config().heads())));
      } else if (random.nextInt(4) == 0) {
        target = target.layer(Layer.EMBED);
        source = source.layer(Layer.EMBED);
      }
      boolean last = !heads && random.nextInt(5) == 0;
      if (last) {
        target = target.layer(Layer.FINAL);
        source = random.nextBoolean() ? source.layer(Layer.FINAL) : source;
      }
      int count = last ? 1 : 1 + random.nextInt(3);
      target = last ? target.at(-1) : target.at(distinct(random, target.input().length(), count));
      boolean one = random.nextBoolean();
      source = source.at(distinct(random, source.input().length(), one ? 1 : count));
      target = target.newTokens(random.nextInt(5));
      if ((one || count == 1) && target.newTokens() > 1) {
        target = target.schedule(schedule(random, target.newTokens()));
      }
      Mapping mapping = random.nextBoolean() ? Mapping.IDENTITY : Mapping.scale(-1.5f);
      patches.add(new Patch(source, mapping, target));
    }
    return patches;
  }

  private static Schedule schedule(Random random, int newTokens) {
    return switch (random.nextInt(3)) {
      case 0 -> Schedule.PROMPT;
      case 1 -> Schedule.EVERY_PASS;
      default -> Schedule.steps(1 + random.nextInt(newTokens - 1));
    };
  }

  private static int[] distinct(Random random, int below, int count) {
    return random.ints(0, below).distinct().limit(count).toArray();
  }

  /** The patch by the engine's hooks alone, in whole passes. */
  private static void check(String what, Cell cell, Readout readout) {
    Patch patch = cell.patch();
    Model model = patch.target().model();
    HookPlan edits = edits(patch, cell, 0);
    RunResult whole =
        model
            .run(RunRequest.of(patch.target().input().prompt()).plan(edits).logits(Logits.ALL))
            .getFirst();
    int vocabulary = model.config().vocabulary();
    int length = patch.target().input().length();
    int read = cell.reading().position();
    assertThat(read)
        .isEqualTo(
            readout.at() == Readout.At.LAST
                ? length - 1
                : cell.targetPositions()[cell.targetPositions().length - 1]);
    float[] expected =
        readout.allRows()
            ? whole.logits()
            : Arrays.copyOfRange(whole.logits(), read * vocabulary, (read + 1) * vocabulary);
    assertSameBits(what, cell.logits(), expected);
    int n = patch.target().newTokens();
    if (n == 0) {
      assertThat(cell.generatedIds()).isEmpty();
      return;
    }
    HookPlan plan = edits;
    for (int step = 1; step < n; step++) {
      plan = plan.and(edits(patch, cell, step));
    }
    HookPlan logits =
        HookPlan.builder().read("unembed.hook_out", Selection.ALL.steps(Steps.ALL)).build();
    var generated =
        model.generate(
            patch.target().input().prompt(),
            GenerationOptions.greedy(n).ignoringEos(),
            plan.and(logits),
            GenerationListener.NONE);
    assertThat(cell.generatedIds()).as(what).isEqualTo(generated.ids());
    assertThat(cell.stepLogits()).hasSize(readout.allSteps() ? n : 0);
    for (int step = 0; step < cell.stepLogits().size(); step++) {
      float[] all = generated.steps().get(step).activation("unembed.hook_out").values();
      float[] last = Arrays.copyOfRange(all, all.length - vocabulary, all.length);
      assertSameBits(what + " step " + step, cell.stepLogits().get(step), last);
    }
  }

  private static HookPlan edits(Patch patch, Cell cell, int step) {
    Target target = patch.target();
    if (!target.schedule().steps().contains(step)) {
      return HookPlan.NONE;
    }
    Source source = patch.source();
    int block = block(target.layer(), target.model());
    String to = site(target.layer(), target.heads(), block);
    String from = site(source.layer(), source.heads(), block(source.layer(), source.model()));
    float[] values =
        source
            .model()
            .run(source.input().prompt(), HookPlan.reading(from))
            .activation(from)
            .values();
    HookPlan.Builder plan = HookPlan.builder();
    int[] places = step == 0 ? cell.targetPositions() : new int[] {-1};
    for (int i = 0; i < places.length; i++) {
      int at = cell.sourcePositions()[cell.sourcePositions().length == 1 ? 0 : i];
      float[] vector = vector(source, values, at);
      Mapping.Route route = new Mapping.Route(0, 0);
      Selection where = Selection.ALL.steps(Steps.of(step));
      where = step == 0 ? where.positions(places[i]) : where;
      where = target.heads().isNone() ? where : where.heads(target.heads().numbers().getFirst());
      plan.replaceRows(to, where, patch.mapping().apply(vector, route));
    }
    return plan.build();
  }

  private static int block(Layer layer, Model model) {
    return layer.block() < 0 ? layer.block() + model.config().layers() : layer.block();
  }

  private static String site(Layer layer, Heads heads, int block) {
    if (layer.equals(Layer.EMBED)) {
      return "blocks.0.hook_resid_pre";
    }
    if (layer.equals(Layer.FINAL)) {
      return "unembed.hook_in";
    }
    return "blocks." + block + (heads.isNone() ? ".hook_resid_post" : ".attn.hook_z");
  }

  private static float[] vector(Source source, float[] values, int at) {
    int width = values.length / source.input().length();
    if (source.heads().isNone()) {
      return Arrays.copyOfRange(values, at * width, (at + 1) * width);
    }
    int each = source.model().config().headDim();
    int from = at * width + source.heads().numbers().getFirst() * each;
    return Arrays.copyOfRange(values, from, from + each);
  }

  @ParameterizedTest
  @CsvSource({"demo-gpt2, 2", "demo-llama, 1"})
  void run_gridOfTheReference_costsItsMinimum(String name, int threads) {
    try (Model model = Models.open(name, "cpu", threads)) {
      Random random = Models.random(name);
      Patch patch =
          Patch.of(
              Source.of(model, randomPrompt(model, random, 9)).at(-1),
              Target.of(model, randomPrompt(model, random, 11)).at(-1).newTokens(1));
      List<Layer> layers = IntStream.range(0, 6).mapToObj(Layer::of).toList();
      Patchscope scope = Patchscope.of(Sweep.of(patch).grid(layers, layers));
      PatchRun run = scope.start();
      int cells = 0;
      while (run.hasNext()) {
        run.next();
        cells++;
      }
      assertThat(cells).isEqualTo(36);
      // One row more of each clean pass, which the comparisons read.
      assertThat(run.counters()).isEqualTo(new Counters(210, 36 + 2));
      assertThat(scope.estimate().counters()).isEqualTo(run.counters());
      assertThat(scope.estimate().naive()).isEqualTo(new Counters(4320, 72));
      assertThat(scope.estimate().chunkCells()).isEqualTo(36);
    }
  }
}
