package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class HookPlanTest {
  private static final Selection LAST = Selection.ALL.positions(-1);

  private static HookPlan.Builder everything(EditFunction function) {
    return HookPlan.builder()
        .read("blocks.*.attn.hook_pattern")
        .read("hook_embed", LAST, Read.When.BEFORE)
        .zero("blocks.1.attn.hook_z", Selection.ALL.heads(3))
        .scale("mlp_out:4", Selection.ALL.steps(Steps.ALL), 0.5f)
        .add("resid_pre:0", LAST, 1, 2, 3, 4)
        .replace("resid_pre:1", LAST, 1, 2)
        .replaceRows("resid_pre:2", Selection.ALL, 1, 2)
        .mean("z1", Selection.ALL, new Operation.Value(new int[] {1, 2}, new float[] {1, 2}))
        .interpolate("embed", LAST, Operation.Value.of(1, 2), 0.25f)
        .projectOut("resid_mid:1", Selection.ALL, 1, 0)
        .noise("resid_pre:3", Selection.ALL, 0.5f, 7)
        .knockout("pattern2", Selection.ALL.heads(0).positions(5).keys(0, 1))
        .function("q0", Selection.ALL, function)
        .allowNonFinite();
  }

  @Test
  void equals_sameCalls_areEqualPlans() {
    EditFunction function = view -> {};
    HookPlan plan = everything(function).build();
    assertThat(plan)
        .isEqualTo(everything(function).build())
        .hasSameHashCodeAs(everything(function).build());
    assertThat(plan).isNotEqualTo(everything(view -> {}).build()).isNotEqualTo(HookPlan.NONE);
    assertThat(HookPlan.builder().add("a", LAST, 1).build())
        .isNotEqualTo(HookPlan.builder().add("a", LAST, 2).build());
  }

  @Test
  void toString_everyOperation_isReadable() {
    assertThat(everything(view -> {}).build().toString().lines())
        .containsExactly(
            "read blocks.*.attn.hook_pattern, all",
            "read hook_embed, positions [-1], before edits",
            "edit blocks.1.attn.hook_z, heads [3]: zero",
            "edit mlp_out:4, steps all: scale 0.5",
            "edit resid_pre:0, positions [-1]: add [4] {1.0, 2.0, 3.0, ...}",
            "edit resid_pre:1, positions [-1]: replace [2] {1.0, 2.0}",
            "edit resid_pre:2, all: replace [2] {1.0, 2.0} broadcast",
            "edit z1, all: mean [1, 2] {1.0, 2.0}",
            "edit embed, positions [-1]: interpolate [2] {1.0, 2.0} weight 0.25",
            "edit resid_mid:1, all: project_out [2] {1.0, 0.0}",
            "edit resid_pre:3, all: noise 0.5 seed 7",
            "edit pattern2, positions [5] heads [0] keys [0, 1]: knockout",
            "edit q0, all: function, may write NaN and infinity");
    assertThat(HookPlan.NONE).hasToString("no reads, no edits");
  }

  @Test
  void and_twoPlans_keepsTheOrder() {
    HookPlan a = HookPlan.builder().zero("z0").read("embed").build();
    HookPlan b = HookPlan.builder().scale("z0", 2).read("z0").build();
    assertThat(a.and(b).edits())
        .extracting(e -> e.operation().name())
        .containsExactly("zero", "scale");
    assertThat(a.and(b).reads()).extracting(Read::hook).containsExactly("embed", "z0");
    assertThat(a.and(HookPlan.NONE)).isEqualTo(a);
    assertThat(HookPlan.NONE.isEmpty()).isTrue();
    assertThat(a.isEmpty()).isFalse();
  }

  @Test
  void plan_isImmutable() {
    List<Read> reads = new ArrayList<>(List.of(new Read("embed", Selection.ALL, Read.When.AFTER)));
    HookPlan plan = new HookPlan(reads, List.of());
    reads.clear();
    assertThat(plan.reads()).hasSize(1);
    HookPlan.Builder builder = HookPlan.builder().read("embed");
    HookPlan built = builder.build();
    builder.read("z0");
    assertThat(built.reads()).hasSize(1);
    assertThatThrownBy(() -> built.reads().clear())
        .isInstanceOf(UnsupportedOperationException.class);
    float[] vector = {1};
    HookPlan added = HookPlan.builder().add("embed", LAST, vector).build();
    vector[0] = 2;
    assertThat(added).isEqualTo(HookPlan.builder().add("embed", LAST, 1).build());
  }

  @Test
  void allowNonFinite_withoutEdit_fails() {
    assertThatThrownBy(() -> HookPlan.builder().read("embed").allowNonFinite())
        .isInstanceOf(UsageException.class);
  }

  @Test
  void reading_names_readsThemWhole() {
    assertThat(HookPlan.reading("*", "optional:*"))
        .isEqualTo(HookPlan.builder().read("*").read("optional:*").build());
  }

  @Test
  void operationKinds_areTheOperations() {
    everything(view -> {})
        .build()
        .edits()
        .forEach(e ->
            assertThat(OperationKind.of(e.operation()).label()).isEqualTo(e.operation().name()));
  }
}
