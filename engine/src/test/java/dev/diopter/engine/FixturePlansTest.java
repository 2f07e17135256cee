package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Json;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import tools.jackson.databind.JsonNode;

/** The plan files beside the fixture models are read and written; FixtureTest runs them. */
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
