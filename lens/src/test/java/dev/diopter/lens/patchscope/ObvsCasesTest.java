package dev.diopter.lens.patchscope;

import static dev.diopter.lens.patchscope.Models.assertClose;
import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.RunRequest;
import dev.diopter.formats.Json;
import dev.diopter.formats.Npz;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** What obvs computed on the demo models. */
class ObvsCasesTest {
  private static final double BOUND = 1e-4;

  @ParameterizedTest
  @CsvSource({
    "demo-gpt2, cpu, 2",
    "demo-gpt2, reference, 1",
    "demo-llama, cpu, 2",
    "demo-llama, reference, 1"
  })
  void run_obvsCases_giveItsLogitsAndIds(String name, String backend, int threads) {
    Path folder = Models.root().resolve("fixtures/lens-cases").resolve(name);
    JsonNode cases = Json.read(folder.resolve("patchscope.json")).get("cases");
    int seen = 0;
    try (Model model = Models.open(name, backend, threads);
        Npz npz = Npz.open(folder.resolve("patchscope.npz"))) {
      for (JsonNode each : cases) {
        String label = each.get("name").stringValue();
        Source source = source(model, each);
        Target target = target(model, each);
        assertThat(source.input().prompt().ids()).isEqualTo(ints(each.get("source_ids")));
        assertThat(target.input().prompt().ids()).isEqualTo(ints(each.get("target_ids")));
        if (label.equals("grid")) {
          checkGrid(model, each, Patch.of(source, target), npz.read("grid.logits").floats());
          continue;
        }
        seen++;
        checkCase(model, each, source, target, npz);
      }
    }
    assertThat(seen).isEqualTo(name.equals("demo-gpt2") ? 6 : 5);
  }

  private static void checkCase(Model model, JsonNode each, Source source, Target target, Npz npz) {
    String label = each.get("name").stringValue();
    JsonNode mapping = each.get("mapping");
    Mapping map =
        mapping.isObject() ? Mapping.scale(mapping.get("scale").floatValue()) : Mapping.IDENTITY;
    float[] said =
        model.run(RunRequest.of(source.input().prompt()).logits(Logits.ALL)).getFirst().logits();
    assertClose(label, said, npz.read(label + ".source_logits").floats(), BOUND);
    Patch patch = new Patch(source, map, target.ignoringEos());
    Cell cell = Patchscope.of(patch).readout(Readout.DEFAULT.withAllRows()).run().getFirst();
    assertClose(label, cell.logits(), npz.read(label + ".logits").floats(), BOUND);
    assertThat(cell.generatedIds()).as(label).isEqualTo(ints(each.get("generated_ids")));
    int[] expected = ints(each.get("output_ids"));
    int length = target.input().length();
    assertThat(cell.teacherForced()).as(label).isEqualTo(Arrays.copyOf(expected, length));
    // The same without the rows that nobody asked for.
    Cell alone = Patchscope.run(patch);
    assertThat(alone.generatedIds()).as(label).isEqualTo(cell.generatedIds());
    int vocabulary = model.config().vocabulary();
    float[] last =
        Arrays.copyOfRange(cell.logits(), (length - 1) * vocabulary, length * vocabulary);
    Models.assertSameBits(label, alone.logits(), last);
  }

  private static void checkGrid(Model model, JsonNode each, Patch patch, float[] expected) {
    List<Layer> sources = layers(each.get("source"));
    List<Layer> targets = layers(each.get("target"));
    List<Cell> cells = Patchscope.of(Sweep.of(patch).grid(sources, targets)).run();
    assertThat(cells).hasSize(36);
    int vocabulary = model.config().vocabulary();
    for (Cell cell : cells) {
      int at = cell.index() * vocabulary;
      assertClose(
          "grid cell " + cell.index(),
          cell.logits(),
          Arrays.copyOfRange(expected, at, at + vocabulary),
          BOUND);
    }
  }

  private static List<Layer> layers(JsonNode side) {
    return IntStream.of(ints(side.get("layers"))).mapToObj(Layer::of).toList();
  }

  private static Source source(Model model, JsonNode each) {
    JsonNode side = each.get("source");
    Source source = Source.of(model, side.get("prompt").stringValue()).at(positions(side));
    return source.layer(layer(side)).heads(heads(side));
  }

  private static Target target(Model model, JsonNode each) {
    JsonNode side = each.get("target");
    Target target = Target.of(model, side.get("prompt").stringValue()).at(positions(side));
    return target
        .layer(layer(side))
        .heads(heads(side))
        .newTokens(side.get("max_new_tokens").intValue());
  }

  private static Layer layer(JsonNode side) {
    return side.has("layer") ? Layer.of(side.get("layer").intValue()) : Layer.LAST;
  }

  private static Heads heads(JsonNode side) {
    JsonNode head = side.get("head");
    return head == null || head.isNull() ? Heads.NONE : Heads.of(head.intValue());
  }

  private static Positions positions(JsonNode side) {
    JsonNode position = side.get("position");
    if (position.isNull()) {
      return Positions.ALL;
    }
    return Positions.at(position.isArray() ? ints(position) : new int[] {position.intValue()});
  }

  private static int[] ints(JsonNode array) {
    List<Integer> all = new ArrayList<>();
    array.forEach(n -> all.add(n.intValue()));
    return all.stream().mapToInt(Integer::intValue).toArray();
  }
}
