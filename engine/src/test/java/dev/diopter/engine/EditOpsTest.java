package dev.diopter.engine;

import static dev.diopter.engine.PlanConfigs.LLAMA;
import static java.lang.Float.NEGATIVE_INFINITY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.models.ModelException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The rules of single operations on small tensors that one can read. */
class EditOpsTest {
  private static final float INF = NEGATIVE_INFINITY;
  private static final PromptSpan TWO = new PromptSpan(0, 2, 0);

  /** ln1.hook_scale holds one number for each position. */
  private static HostTensor scales(float... values) {
    int[] positions = new int[values.length];
    Arrays.setAll(positions, i -> i);
    return new HostTensor(new HookPoint(Site.LN1_SCALE, 0), values, positions, 1, 1, 0, 0, 0);
  }

  /** Head 0 of four; the others are zero. */
  private static HostTensor square(Site site, float... head0) {
    float[] values = Arrays.copyOf(head0, 16);
    return new HostTensor(new HookPoint(site, 0), values, new int[] {0, 1}, 4, 2, 0, 0, 0);
  }

  private static HostTensor apply(HookPlan plan, HostTensor tensor, PromptSpan... spans) {
    for (ResolvedEdit edit : PlanResolver.resolve(plan, LLAMA, spans).edits()) {
      EditOps.apply(edit, tensor);
    }
    return tensor;
  }

  private static float[] head0(HostTensor tensor) {
    return Arrays.copyOf(tensor.values(), 4);
  }

  private static HookPlan plan(String hook, Selection where, Operation operation) {
    return HookPlan.builder().edit(hook, where, operation).build();
  }

  private static final Selection HEAD0 = Selection.ALL.heads(0);

  @Test
  void apply_severalEdits_actInTheOrderOfThePlan() {
    HookPlan plan =
        HookPlan.builder()
            .add("scale0ln1", Selection.ALL, 1)
            .scale("scale0ln1", 3)
            .add("scale0ln1", Selection.ALL.positions(1), -2)
            .build();
    assertThat(apply(plan, scales(1, 2), TWO).values()).containsExactly(6, 7);
  }

  @Test
  void knockout_scoresAndPatterns_closesTheCellsThatExist() {
    HookPlan scores = HookPlan.builder().knockout("attn_scores0", HEAD0.keys(0)).build();
    assertThat(head0(apply(scores, square(Site.ATTN_SCORES, 5, INF, 6, 7), TWO)))
        .containsExactly(INF, INF, INF, 7);
    HookPlan pattern = HookPlan.builder().knockout("pattern0", HEAD0.positions(1).keys(0)).build();
    assertThat(head0(apply(pattern, square(Site.PATTERN, 1, 0, 0.25f, 0.75f), TWO)))
        .containsExactly(1, 0, 0, 0.75f);
  }

  @Test
  void maskedCells_everyOperation_stay() {
    List<Operation> operations =
        List.of(
            new Operation.Zero(),
            new Operation.Scale(3),
            new Operation.Knockout(),
            new Operation.Noise(1, 1),
            new Operation.Add(Operation.Value.of(1, 1)),
            new Operation.Replace(Operation.Value.of(2, 2), true),
            new Operation.Interpolate(Operation.Value.of(2, 2), 0.5f));
    for (Operation operation : operations) {
      assertThat(
              head0(
                  apply(
                      plan("attn_scores0", HEAD0, operation),
                      square(Site.ATTN_SCORES, 5, INF, 6, 7),
                      TWO))[1])
          .isEqualTo(INF);
      assertThat(
              head0(
                  apply(
                      plan("pattern0", HEAD0, operation),
                      square(Site.PATTERN, 1, 0, 0.5f, 0.5f),
                      TWO))[1])
          .isZero();
      assertThat(
              head0(
                  apply(
                      plan(
                          "pattern0",
                          HEAD0.keys(1, 0),
                          operation.name().equals("add") ? operation : new Operation.Zero()),
                      square(Site.PATTERN, 1, 0, 0.5f, 0.5f),
                      TWO))[1])
          .isZero();
    }
  }

  @Test
  void scale_minusInfinityOfScores_stays() {
    for (float factor : new float[] {0, -1, 0.5f}) {
      assertThat(
              head0(
                  apply(
                      plan("attn_scores0", HEAD0, new Operation.Scale(factor)),
                      square(Site.ATTN_SCORES, 2, INF, INF, 4),
                      TWO)))
          .containsExactly(2 * factor, INF, INF, 4 * factor);
    }
  }

  @Test
  void knockedOutScore_canComeBack() {
    HookPlan plan =
        HookPlan.builder()
            .knockout("attn_scores0", HEAD0)
            .zero("attn_scores0", HEAD0.positions(1))
            .build();
    assertThat(head0(apply(plan, square(Site.ATTN_SCORES, 5, INF, 6, 7), TWO)))
        .containsExactly(INF, INF, 0, 0);
  }

  @Test
  void noOpParameters_changeNoBit() {
    float[] values = {-0.0f, 0, 1.5f, Float.MIN_VALUE, -3};
    PromptSpan five = new PromptSpan(0, 5, 0);
    for (Operation operation :
        List.of(
            new Operation.Add(Operation.Value.of(0)),
            new Operation.Add(Operation.Value.of(-0.0f)),
            new Operation.Scale(1),
            new Operation.Interpolate(Operation.Value.of(9), 0),
            new Operation.Noise(0, 3),
            new Operation.Interpolate(new Operation.Value(new int[] {5, 1}, values.clone()), 0.7f),
            new Operation.Interpolate(
                new Operation.Value(
                    new int[] {5, 1}, new float[] {0, -0.0f, 1.5f, Float.MIN_VALUE, -3}),
                1),
            new Operation.Replace(new Operation.Value(new int[] {5, 1}, values.clone()), false))) {
      float[] after =
          apply(plan("scale0ln1", Selection.ALL, operation), scales(values.clone()), five).values();
      for (int i = 0; i < 5; i++) {
        assertThat(Float.floatToRawIntBits(after[i]))
            .as("%s of %s", operation, values[i])
            .isEqualTo(Float.floatToRawIntBits(values[i]));
      }
    }
  }

  @Test
  void interpolate_byOne_givesTheValueWithItsSign() {
    HookPlan plan =
        plan("scale0ln1", Selection.ALL, new Operation.Interpolate(Operation.Value.of(-0.0f), 1));
    float after = apply(plan, scales(5), new PromptSpan(0, 1, 0)).values()[0];
    assertThat(Float.floatToRawIntBits(after)).isEqualTo(Float.floatToRawIntBits(-0.0f));
  }

  @Test
  void scale_byOne_keepsTheBitsOfNaN() {
    float signalling = Float.intBitsToFloat(0x7f800001); // a multiplication would make it quiet
    HostTensor tensor = scales(signalling);
    apply(HookPlan.builder().scale("scale0ln1", 1).build(), tensor, new PromptSpan(0, 1, 0));
    assertThat(Float.floatToRawIntBits(tensor.values()[0]))
        .isEqualTo(Float.floatToRawIntBits(signalling));
  }

  @Test
  void interpolate_followsItsFormula() {
    assertThat(
            apply(
                    plan(
                        "scale0ln1",
                        Selection.ALL,
                        new Operation.Interpolate(Operation.Value.of(10), 0.25f)),
                    scales(2, 4),
                    TWO)
                .values())
        .containsExactly(0.75f * 2 + 2.5f, 0.75f * 4 + 2.5f);
    assertThat(
            apply(
                    plan(
                        "scale0ln1",
                        Selection.ALL,
                        new Operation.Interpolate(Operation.Value.of(0.1f), 1)),
                    scales(1e30f, 4),
                    TWO)
                .values())
        .containsExactly(0.1f, 0.1f);
  }

  @Test
  void projectOut_leavesNothingAlongTheVector() {
    float[] u = new float[32];
    float[] x = new float[32];
    for (int i = 0; i < 32; i++) {
      u[i] = (float) Math.sin(i + 1) * 5;
      x[i] = (float) Math.cos(3 * i) * 100;
    }
    HostTensor tensor =
        new HostTensor(new HookPoint(Site.RESID_PRE, 0), x.clone(), new int[] {0}, 1, 32, 0, 0, 0);
    apply(
        HookPlan.builder().projectOut("resid_pre:0", Selection.ALL, u).build(),
        tensor,
        new PromptSpan(0, 1, 0));
    double dot = 0;
    double across = 0;
    for (int i = 0; i < 32; i++) {
      dot += (double) tensor.values()[i] * u[i];
      across = Math.max(across, Math.abs(tensor.values()[i]));
    }
    assertThat(dot).isBetween(-1e-3, 1e-3);
    assertThat(across).isGreaterThan(10);
  }

  @Test
  void projectOut_hugeVector_isNormalisedInDouble() {
    float[] u = new float[32];
    u[0] = 3e38f;
    u[1] = 3e38f;
    HostTensor tensor =
        new HostTensor(
            new HookPoint(Site.RESID_PRE, 0), new float[32], new int[] {0}, 1, 32, 0, 0, 0);
    tensor.values()[0] = 2;
    apply(
        HookPlan.builder().projectOut("resid_pre:0", Selection.ALL, u).build(),
        tensor,
        new PromptSpan(0, 1, 0));
    assertThat(tensor.values()[0]).isEqualTo(1);
    assertThat(tensor.values()[1]).isEqualTo(-1);
  }

  @Test
  void nonFiniteResult_isRefusedUnlessAllowed() {
    HookPlan overflow = HookPlan.builder().scale("scale0ln1", 1e38f).build();
    assertThatThrownBy(() -> apply(overflow, scales(1, 100), TWO))
        .isInstanceOf(ModelException.class)
        .hasMessage(
            "blocks.0.ln1.hook_scale, position 1: the edit (scale) wrote Infinity where 100.0 was; allow it with allowNonFinite (allow_non_finite in plan files)");
    HookPlan allowed = HookPlan.builder().scale("scale0ln1", 1e38f).allowNonFinite().build();
    assertThat(apply(allowed, scales(1, 100), TWO).values())
        .containsExactly(1e38f, Float.POSITIVE_INFINITY);
    // what an earlier edit was allowed to write does not trouble a later one
    assertThatCode(() ->
            apply(
                allowed.and(HookPlan.builder().scale("scale0ln1", -1).build()),
                scales(1, 100),
                TWO))
        .doesNotThrowAnyException();
  }

  @Test
  void nonFiniteResult_namesTheHead() {
    HookPlan overflow = HookPlan.builder().scale("attn_scores0", 1e38f).build();
    HostTensor tensor = square(Site.ATTN_SCORES, 1, INF, 1, 1);
    tensor.values()[3 * 4 + 2] = 100;
    assertThatThrownBy(() -> apply(overflow, tensor, TWO))
        .hasMessageStartingWith(
            "blocks.0.attn.hook_attn_scores, position 1, head 3: the edit (scale) wrote Infinity");
  }

  @Test
  void minusInfinityOfScores_mustNotBecomeNaN() {
    HookPlan plan =
        plan("attn_scores0", HEAD0, new Operation.Interpolate(Operation.Value.of(1, 1), 2));
    assertThatThrownBy(() -> apply(plan, square(Site.ATTN_SCORES, 1, INF, INF, 2), TWO))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("wrote Infinity where -Infinity was");
  }

  @Test
  void nonSelectedSequenceAndStep_areLeftAlone() {
    HookPlan plan = HookPlan.builder().zero("scale0ln1", Selection.ALL.sequences(1)).build();
    assertThat(apply(plan, scales(1, 2), TWO, TWO).values()).containsExactly(1, 2);
    HookPlan later = HookPlan.builder().zero("scale0ln1", Selection.ALL.steps(Steps.of(1))).build();
    assertThat(apply(later, scales(1, 2), new PromptSpan(0, 2, 1)).values()).containsExactly(1, 2);
    HostTensor step1 =
        new HostTensor(
            new HookPoint(Site.LN1_SCALE, 0), new float[] {5}, new int[] {2}, 1, 1, 0, 0, 1);
    assertThat(apply(later, step1, new PromptSpan(0, 2, 1)).values()).containsExactly(0);
  }

  @Test
  void selectedRowsThatAreNotThere_areLeftOut() {
    HookPlan plan =
        HookPlan.builder()
            .add(
                "scale0ln1",
                Selection.ALL.positions(3, 0, 1),
                new Operation.Value(new int[] {3, 1}, new float[] {30, 1, 10}))
            .build();
    PromptSpan four = new PromptSpan(0, 4, 0);
    HostTensor middle =
        new HostTensor(
            new HookPoint(Site.LN1_SCALE, 0),
            new float[] {100, 200, 300},
            new int[] {1, 2, 3},
            1,
            1,
            0,
            0,
            0);
    assertThat(apply(plan, middle, four).values()).containsExactly(110, 200, 330);
    ResolvedRead read =
        PlanResolver.resolve(
                HookPlan.builder().read("scale0ln1", Selection.ALL.positions(3, 0, 1)).build(),
                LLAMA,
                four)
            .reads()
            .getFirst();
    assertThat(ReadOps.extract(read, middle))
        .isEqualTo(
            new Activation(
                "blocks.0.ln1.hook_scale",
                Site.LN1_SCALE.axes(),
                new int[] {2, 1},
                new float[] {330, 110}));
    HostTensor none =
        new HostTensor(
            new HookPoint(Site.LN1_SCALE, 0), new float[] {1}, new int[] {2}, 1, 1, 0, 0, 0);
    assertThat(ReadOps.extract(read, none)).isNull();
    HostTensor later =
        new HostTensor(
            new HookPoint(Site.LN1_SCALE, 0), new float[] {1}, new int[] {3}, 1, 1, 0, 0, 1);
    assertThat(ReadOps.extract(read, later)).isNull();
  }

  @Test
  void keysThatAStepDoesNotHaveYet_areMasked() {
    Selection where = HEAD0.keys(2, 0).steps(Steps.ALL);
    PromptSpan growing = new PromptSpan(0, 2, 1);
    ResolvedRead scores =
        PlanResolver.resolve(HookPlan.builder().read("attn_scores0", where).build(), LLAMA, growing)
            .reads()
            .getFirst();
    assertThat(ReadOps.extract(scores, square(Site.ATTN_SCORES, 5, INF, 6, 7)).values())
        .containsExactly(INF, 5, INF, 6);
    ResolvedRead pattern =
        PlanResolver.resolve(HookPlan.builder().read("pattern0", where).build(), LLAMA, growing)
            .reads()
            .getFirst();
    assertThat(ReadOps.extract(pattern, square(Site.PATTERN, 1, 0, 0.5f, 0.5f)).values())
        .containsExactly(0, 1, 0, 0.5f);
    HookPlan add = plan("attn_scores0", where, new Operation.Add(Operation.Value.of(100, 10)));
    assertThat(head0(apply(add, square(Site.ATTN_SCORES, 5, INF, 6, 7), growing)))
        .containsExactly(15, INF, 16, 7);
    HookPlan function =
        HookPlan.builder().function("attn_scores0", where, view -> view.values()[1] = 1).build();
    assertThat(head0(apply(function, square(Site.ATTN_SCORES, 5, INF, 6, 7), growing)))
        .containsExactly(1, INF, 6, 7);
  }

  @Test
  void function_seesOneSequenceWholeAndItsPlace() {
    List<String> seen = new ArrayList<>();
    EditFunction look =
        view ->
            seen.add(
                "%s %d %d %s %s %s"
                    .formatted(
                        view.point(),
                        view.sequence(),
                        view.step(),
                        Arrays.toString(view.positions()),
                        Arrays.toString(view.heads()),
                        Arrays.toString(view.shape())));
    HookPlan plan =
        HookPlan.builder()
            .function("z0", Selection.ALL.positions(-1, 3).heads(2, 0), look)
            .function("scale0ln1", Selection.ALL, look)
            .build();
    List<ResolvedEdit> edits = PlanResolver.resolve(plan, LLAMA, new PromptSpan(3, 5, 0)).edits();
    EditOps.apply(
        edits.get(0),
        new HostTensor(new HookPoint(Site.Z, 0), new float[64], new int[] {3, 4}, 4, 8, 0, 0, 0));
    EditOps.apply(edits.get(1), scales(1, 2, 3));
    assertThat(seen)
        .containsExactly(
            "blocks.0.attn.hook_z 0 0 [4, 3] [2, 0] [2, 2, 8]",
            "blocks.0.ln1.hook_scale 0 0 [0, 1, 2] [0] [3, 1]");
  }

  @Test
  void function_thatWritesToMaskedCells_isRefused() {
    for (Site site : new Site[] {Site.ATTN_SCORES, Site.PATTERN}) {
      String hook = new HookPoint(site, 0).name();
      HookPlan plan =
          HookPlan.builder().function(hook, HEAD0, view -> view.values()[1] = 0.5f).build();
      HostTensor tensor = square(site, 1, site == Site.PATTERN ? 0 : INF, 0.5f, 0.5f);
      assertThatThrownBy(() -> apply(plan, tensor, TWO))
          .isInstanceOf(ModelException.class)
          .hasMessageContainingAll(hook, "head 0: a function wrote to query 0, key 1");
      assertThat(head0(tensor)[1]).isEqualTo(site == Site.PATTERN ? 0 : INF);
      HookPlan same =
          HookPlan.builder()
              .function(hook, HEAD0, view -> view.values()[1] = site == Site.PATTERN ? 0 : INF)
              .build();
      assertThatCode(() -> apply(same, tensor, TWO)).doesNotThrowAnyException();
    }
  }

  @Test
  void function_thatWritesNaN_needsPermission() {
    EditFunction nan = view -> view.values()[1] = Float.NaN;
    assertThatThrownBy(() ->
            apply(
                HookPlan.builder().function("scale0ln1", Selection.ALL, nan).build(),
                scales(1, 2),
                TWO))
        .isInstanceOf(ModelException.class)
        .hasMessageStartingWith(
            "blocks.0.ln1.hook_scale, position 1: the edit (function) wrote NaN");
    assertThat(
            apply(
                    HookPlan.builder()
                        .function("scale0ln1", Selection.ALL, nan)
                        .allowNonFinite()
                        .build(),
                    scales(1, 2),
                    TWO)
                .values())
        .containsExactly(1, Float.NaN);
  }

  @Test
  void extract_isACopy() {
    HostTensor tensor = scales(1, 2);
    ResolvedRead read =
        PlanResolver.resolve(HookPlan.reading("scale0ln1"), LLAMA, TWO).reads().getFirst();
    Activation activation = ReadOps.extract(read, tensor);
    tensor.values()[0] = 9;
    assertThat(activation.values()).containsExactly(1, 2);
  }
}
