package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Json;
import dev.diopter.formats.Npz;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import tools.jackson.databind.JsonNode;

/**
 * The plan files beside the fixture models: they are read, written, and change the logits as
 * numpy's float64 says.
 */
class FixturePlansTest {
  static final List<String> MODELS = TestModels.FIXTURES;

  private static List<HookPlan> plans(String model) {
    List<HookPlan> plans = new ArrayList<>();
    for (JsonNode tree : Json.read(TestModels.fixture(model).resolve("edits.json"))) {
      plans.add(PlanFile.fromJson(model + " plan " + plans.size(), tree, null));
    }
    return plans;
  }

  @ParameterizedTest
  @FieldSource("MODELS")
  void toJson_fixturePlan_readsBackEqual(String model) {
    for (HookPlan plan : plans(model)) {
      assertThat(plan.edits()).hasSize(1);
      assertThat(PlanFile.fromJson("again", PlanFile.toJson(plan), null)).isEqualTo(plan);
    }
  }

  @ParameterizedTest
  @FieldSource("MODELS")
  void run_fixturePlan_givesTheExpectedLogits(String name) {
    try (Model model = TestModels.open(name, "cpu", 1);
        Npz expected = Npz.open(TestModels.fixture(name).resolve("expected.npz"))) {
      Prompt prompt = Prompt.ofIds(expected.read("ids").ints());
      List<HookPlan> plans = plans(name);
      for (int i = 0; i < plans.size(); i++) {
        RunRequest request = RunRequest.of(prompt).plan(plans.get(i)).logits(Logits.ALL);
        float[] found = model.run(request).getFirst().logits();
        float[] wanted = expected.read("edit." + i + ".logits").floats();
        assertThat(found).hasSameSizeAs(wanted);
        double largest = 1;
        double difference = 0;
        for (int j = 0; j < wanted.length; j++) {
          largest = Math.max(largest, Math.abs(wanted[j]));
          difference = Math.max(difference, Math.abs((double) found[j] - wanted[j]));
        }
        assertThat(difference).as("%s: %s", name, plans.get(i)).isLessThanOrEqualTo(1e-5 * largest);
      }
    }
  }

  @Test
  void plans_together_haveEachOperationThatNeedsNoOtherRun() {
    Set<OperationKind> kinds = EnumSet.noneOf(OperationKind.class);
    for (String model : MODELS) {
      plans(model)
          .forEach(plan -> kinds.add(OperationKind.of(plan.edits().getFirst().operation())));
    }
    assertThat(kinds)
        .containsExactlyInAnyOrder(
            OperationKind.ZERO,
            OperationKind.REPLACE,
            OperationKind.KNOCKOUT,
            OperationKind.SCALE,
            OperationKind.ADD,
            OperationKind.INTERPOLATE,
            OperationKind.PROJECT_OUT);
  }
}
