package dev.diopter.lens.patching;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.Activation;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Operation;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/** What tests of patching share. */
final class PatchingTests {
  static final Path ROOT = Path.of(System.getProperty("diopter.root"));
  private static final long SEED = Long.getLong("diopter.seed", 20261124);

  private PatchingTests() {}

  static Random random(String name) {
    System.out.println("seed " + SEED + " for " + name);
    return new Random(SEED + name.hashCode());
  }

  static Model open(String name, String backend, int threads) {
    Path fixture = ROOT.resolve("fixtures").resolve(name);
    return Model.open(
        Files.isDirectory(fixture) ? fixture.toString() : name, new ModelOptions(backend, threads));
  }

  /** Two prompts of the same length that share their beginning and no token behind it. */
  static Prompt[] prompts(Model model, Random random, int length, int shared) {
    int vocabulary = model.config().vocabulary();
    int[] a = random.ints(length, 0, vocabulary).toArray();
    int[] b = a.clone();
    for (int i = shared; i < length; i++) {
      b[i] = (a[i] + 1 + random.nextInt(vocabulary - 1)) % vocabulary;
    }
    return new Prompt[] {Prompt.ofIds(a), Prompt.ofIds(b)};
  }

  static int[] ids(JsonNode list) {
    return IntStream.range(0, list.size()).map(i -> list.get(i).intValue()).toArray();
  }

  /** A metric that no two rows of logits share. */
  static double bits(float[] logits) {
    return Arrays.hashCode(logits);
  }

  /** The metric {@link #bits} of a whole run with one value replaced by the source run's. */
  static double whole(Model model, Prompt base, RunResult source, PatchSite site, int[] cell) {
    Activation value = source.activation(site.hook(cell[0]));
    int length = base.length();
    int[] positions = IntStream.range(0, length).toArray();
    int head = -1;
    int key = -1;
    switch (site.grid()) {
      case POSITION -> positions = new int[] {cell[1]};
      case POSITION_HEAD -> {
        positions = new int[] {cell[1]};
        head = cell[2];
      }
      case HEAD -> head = cell[1];
      case HEAD_QUERY -> {
        head = cell[1];
        positions = new int[] {cell[2]};
      }
      case HEAD_QUERY_KEY -> {
        head = cell[1];
        positions = new int[] {cell[2]};
        key = cell[3];
        if (key > cell[2]) {
          return bits(model.run(base).lastLogits());
        }
      }
    }
    return bits(model.run(base, plan(site, value, cell[0], positions, head, key)).lastLogits());
  }

  private static HookPlan plan(
      PatchSite site, Activation value, int layer, int[] positions, int head, int key) {
    boolean pattern = site.site().overKeys();
    int[] shape = value.shape();
    int heads = shape.length < 3 ? 1 : shape[pattern ? 0 : 1];
    int inner = shape[shape.length - 1];
    int[] chosen = head < 0 ? IntStream.range(0, heads).toArray() : new int[] {head};
    int width = key < 0 ? inner : 1;
    float[] data = new float[positions.length * chosen.length * width];
    int at = 0;
    for (int a : pattern ? chosen : positions) {
      for (int b : pattern ? positions : chosen) {
        for (int i = 0; i < width; i++) {
          int k = key < 0 ? i : key;
          data[at++] = shape.length < 3 ? value.get(a, k) : value.get(a, b, k);
        }
      }
    }
    int[] size =
        shape.length < 3
            ? new int[] {positions.length, width}
            : pattern
                ? new int[] {chosen.length, positions.length, width}
                : new int[] {positions.length, chosen.length, width};
    Selection where = Selection.ALL.positions(positions);
    where = head < 0 ? where : where.heads(head);
    where = key < 0 ? where : where.keys(key);
    return HookPlan.builder()
        .replace(site.hook(layer), where, new Operation.Value(size, data))
        .build();
  }

  /** Every index of an array of this shape. */
  static int[] index(int[] shape, int number) {
    int[] index = new int[shape.length];
    for (int i = shape.length - 1; i >= 0; i--) {
      index[i] = number % shape[i];
      number /= shape[i];
    }
    assertThat(number).isZero();
    return index;
  }
}
