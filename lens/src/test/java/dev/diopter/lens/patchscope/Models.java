package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** The models that tests run on. */
final class Models {
  static final long SEED = Long.getLong("diopter.seed", 20261124);

  private Models() {}

  static Path root() {
    return Path.of(System.getProperty("diopter.root"));
  }

  /** A fixture or a bundled model. */
  static Model open(String name, String backend, int threads) {
    Path fixture = root().resolve("fixtures").resolve(name);
    return Model.open(
        Files.isDirectory(fixture) ? fixture.toString() : name, new ModelOptions(backend, threads));
  }

  static Random random(String name) {
    System.out.println("seed " + SEED + " for " + name);
    return new Random(SEED + name.hashCode());
  }

  static Prompt randomPrompt(Model model, Random random, int length) {
    int[] ids = new int[length];
    Arrays.setAll(ids, i -> random.nextInt(model.config().vocabulary()));
    return Prompt.ofIds(ids);
  }

  static void assertSameBits(String what, float[] actual, float[] expected) {
    assertThat(actual.length).as(what).isEqualTo(expected.length);
    for (int i = 0; i < expected.length; i++) {
      if (Float.floatToRawIntBits(actual[i]) != Float.floatToRawIntBits(expected[i])) {
        throw new AssertionError(
            "%s: expected %s at %d, got %s".formatted(what, expected[i], i, actual[i]));
      }
    }
  }

  static void assertClose(String what, float[] actual, float[] expected, double bound) {
    assertThat(actual.length).as(what).isEqualTo(expected.length);
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(actual[i] - expected[i]) <= bound)) {
        throw new AssertionError(
            "%s: expected %s at %d, got %s".formatted(what, expected[i], i, actual[i]));
      }
    }
  }
}
