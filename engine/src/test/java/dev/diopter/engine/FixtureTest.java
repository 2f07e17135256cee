package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Json;
import dev.diopter.formats.Npz;
import dev.diopter.formats.NpzArray;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Every hook and every edit of the fixture models against the float64 reference of
 * fixtures/reference.py.
 */
class FixtureTest {
  static Stream<Arguments> models() {
    List<Arguments> all = new ArrayList<>();
    for (String name : TestModels.FIXTURES) {
      all.add(Arguments.of(name, "cpu", 1e-5));
      all.add(Arguments.of(name, "reference", 3e-6));
    }
    return all.stream();
  }

  private static Npz expected(String name) {
    return Npz.open(TestModels.fixture(name).resolve("expected.npz"));
  }

  private static void assertWithin(String what, float[] actual, float[] expected, double bound) {
    assertThat(actual.length).as(what).isEqualTo(expected.length);
    double scale = 1;
    for (float x : expected) {
      if (Float.isFinite(x)) {
        scale = Math.max(scale, Math.abs(x));
      }
    }
    for (int i = 0; i < expected.length; i++) {
      boolean same =
          Float.isFinite(expected[i])
              ? Math.abs(actual[i] - expected[i]) <= bound * scale
              : actual[i] == expected[i];
      if (!same) {
        throw new AssertionError(
            "%s: expected %s at %d, got %s (bound %s)"
                .formatted(what, expected[i], i, actual[i], bound * scale));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_everyHook_isTheReferences(String name, String backend, double bound) {
    try (Model model = TestModels.open(name, backend, 2);
        Npz file = expected(name)) {
      Prompt prompt = Prompt.ofIds(file.read("ids").ints());
      HookPlan plan = HookPlan.builder().read("*").read("optional:*").build();
      RunResult run = model.run(RunRequest.of(prompt).plan(plan).logits(Logits.ALL)).getFirst();
      Set<String> hooks =
          file.names().stream()
              .filter(n -> !n.equals("ids") && !n.equals("logits") && !n.startsWith("edit."))
              .collect(Collectors.toCollection(TreeSet::new));
      assertThat(new TreeSet<>(run.activations().keySet())).isEqualTo(hooks);
      assertThat(model.hookPoints().stream().map(HookPoint::name))
          .containsExactlyInAnyOrderElementsOf(hooks);
      for (String hook : hooks) {
        NpzArray wanted = file.read(hook);
        List<Integer> shape = new ArrayList<>(List.of(1));
        for (int n : run.activation(hook).shape()) {
          shape.add(n);
        }
        assertThat(shape).as(hook).isEqualTo(wanted.shape());
        assertWithin(hook, run.activation(hook).values(), wanted.floats(), bound);
      }
      assertWithin("logits", run.logits(), file.read("logits").floats(), bound);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_everyEdit_isTheReferences(String name, String backend, double bound) {
    Path edits = TestModels.fixture(name).resolve("edits.json");
    JsonNode plans = Json.read(edits);
    try (Model model = TestModels.open(name, backend, 2);
        Npz file = expected(name)) {
      Prompt prompt = Prompt.ofIds(file.read("ids").ints());
      assertThat(plans.size()).isGreaterThan(18);
      for (int i = 0; i < plans.size(); i++) {
        HookPlan plan = PlanFile.fromJson(edits.toString(), plans.get(i), edits.getParent());
        RunResult run = model.run(RunRequest.of(prompt).plan(plan).logits(Logits.ALL)).getFirst();
        float[] wanted = file.read("edit.%d.logits".formatted(i)).floats();
        assertWithin("edit " + i + " " + plan, run.logits(), wanted, bound);
      }
    }
  }
}
