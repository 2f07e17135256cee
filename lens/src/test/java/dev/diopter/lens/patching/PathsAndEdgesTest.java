package dev.diopter.lens.patching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.Activation;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Operation;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.attention.HeadId;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Paths and edges against whole runs with the edits that define them, to the bit. */
class PathsAndEdgesTest {
  private static final PatchMetric BITS = PatchMetric.of(PatchingTests::bits);

  @ParameterizedTest
  @CsvSource({
    "gpt2-tiny, cpu, DIRECT, 1, 0",
    "gpt2-tiny, reference, MLPS, 5000, 2",
    "llama-gqa, cpu, MLPS, 268435456, 1",
    "llama-gqa, cpu, DIRECT, 5000, 3"
  })
  void run_paths_haveTheBitsOfWholeRuns(
      String name, String backend, PathRequest.Through through, long memory, int shared) {
    Random random = PatchingTests.random(name + through);
    try (Model model = PatchingTests.open(name, backend, 2)) {
      Prompt[] prompts = PatchingTests.prompts(model, random, 5, shared);
      int layers = model.config().layers();
      List<HeadId> senders = List.of(new HeadId(0, 1), new HeadId(layers - 1, 0), new HeadId(0, 0));
      PathRequest request =
          new PathRequest(
              prompts[0],
              prompts[1],
              senders,
              List.of(PathRequest.Receiver.values()),
              through,
              BITS,
              PatchRequest.Direction.DENOISE,
              memory);
      PatchResult result = PathPatching.run(model, request);
      RunResult clean = model.run(prompts[0], HookPlan.reading("blocks.*.attn.hook_z"));
      RunResult base =
          model.run(prompts[1], HookPlan.reading("blocks.*.attn.hook_z", "blocks.*.hook_mlp_out"));
      for (int s = 0; s < senders.size(); s++) {
        RunResult held =
            model.run(prompts[1], holding(model, clean, base, senders.get(s), through));
        for (PathRequest.Receiver receiver : PathRequest.Receiver.values()) {
          Sweep sweep = result.sweep(receiver.label());
          if (receiver == PathRequest.Receiver.LOGITS) {
            assertThat(sweep.at(s)).isEqualTo(PatchingTests.bits(held.lastLogits()));
            continue;
          }
          for (int l = 0; l < layers; l++) {
            for (int h = 0; h < sweep.shape()[2]; h++) {
              HookPlan plan = HookPlan.NONE;
              if (l > senders.get(s).layer()) {
                Activation seen = held.activation("blocks.%d.hook_resid_pre".formatted(l));
                String hook = "blocks.%d.hook_%s_input".formatted(l, receiver.label().substring(5));
                int[] shape = {seen.shape()[0], 1, seen.shape()[1]};
                plan =
                    HookPlan.builder()
                        .replace(
                            hook, Selection.ALL.heads(h), new Operation.Value(shape, seen.values()))
                        .build();
              }
              double wanted = PatchingTests.bits(model.run(prompts[1], plan).lastLogits());
              assertThat(sweep.at(s, l, h))
                  .as("%s to %s L%dH%d", senders.get(s), receiver, l, h)
                  .isEqualTo(wanted);
            }
          }
        }
      }
    }
  }

  private static HookPlan holding(
      Model model, RunResult clean, RunResult base, HeadId sender, PathRequest.Through through) {
    HookPlan.Builder plan = HookPlan.builder().read("blocks.*.hook_resid_pre");
    for (int l = sender.layer(); l < model.config().layers(); l++) {
      String z = "blocks.%d.attn.hook_z".formatted(l);
      Activation own = base.activation(z);
      if (l == sender.layer()) {
        own = new Activation(z, own.axes(), own.shape(), own.values().clone());
        int heads = own.shape()[1];
        int dim = own.shape()[2];
        for (int p = 0; p < own.shape()[0]; p++) {
          int at = (p * heads + sender.head()) * dim;
          System.arraycopy(clean.activation(z).values(), at, own.values(), at, dim);
        }
      }
      plan.replace(z, Selection.ALL, own);
      if (through == PathRequest.Through.DIRECT) {
        String mlp = "blocks.%d.hook_mlp_out".formatted(l);
        plan.replace(mlp, Selection.ALL, base.activation(mlp));
      }
    }
    return plan.build();
  }

  @ParameterizedTest
  @CsvSource({"gpt2-tiny, 1, false", "llama-gqa, 2, true", "gpt2-tiny, 3, true"})
  void run_edges_haveTheBitsOfWholeRuns(String name, int window, boolean byHead) {
    Random random = PatchingTests.random(name + window);
    try (Model model = PatchingTests.open(name, "cpu", 2)) {
      Prompt prompt = PatchingTests.prompts(model, random, 5, 0)[0];
      KnockoutRequest request =
          new KnockoutRequest(prompt, prompt, new int[] {-1, 2, 0}, window, byHead, BITS, 5000);
      PatchResult result = EdgeKnockout.run(model, request);
      Sweep sweep = result.sweep("edge_knockout");
      int layers = model.config().layers();
      long rows = 0;
      for (int i = 0; i < sweep.values().length; i++) {
        int[] cell = PatchingTests.index(sweep.shape(), i);
        int head = byHead ? cell[1] : -1;
        int destination = request.destinations()[cell[cell.length - 2]];
        int source = cell[cell.length - 1];
        HookPlan.Builder plan = HookPlan.builder();
        int lowest = layers;
        for (int l = layers - 1; l >= 0; l--) {
          int distance = l - cell[0];
          if (source <= destination && distance >= -((window - 1) / 2) && distance <= window / 2) {
            Selection edge = Selection.ALL.positions(destination).keys(source);
            plan.knockout(
                "blocks.%d.attn.hook_attn_scores".formatted(l), head < 0 ? edge : edge.heads(head));
            lowest = l;
          }
        }
        rows += (long) (prompt.length() - destination) * (layers - lowest);
        double wanted = PatchingTests.bits(model.run(prompt, plan.build()).lastLogits());
        assertThat(sweep.values()[i]).as(Arrays.toString(cell)).isEqualTo(wanted);
      }
      assertThat(result.cost().tokenLayers()).isEqualTo(rows + 2L * prompt.length() * layers);
    }
  }

  @Test
  void run_whatIsOutOfRange_isRefused() {
    try (Model model = PatchingTests.open("gpt2-tiny", "cpu", 1)) {
      Prompt prompt = Prompt.ofIds(1, 2, 3);
      int heads = model.config().heads();
      assertThatThrownBy(() ->
              PathPatching.run(
                  model,
                  PathRequest.of(
                      prompt, prompt, BITS, List.of(new HeadId(0, heads)), PathRequest.Receiver.Q)))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("head: expected 0 to " + (heads - 1));
      assertThatThrownBy(
              () -> new KnockoutRequest(prompt, prompt, new int[] {3}, 1, false, BITS, 1))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("expected 0..2 (or -3..-1 from the end), got 3");
      assertThatThrownBy(
              () -> new KnockoutRequest(prompt, prompt, new int[] {0}, 0, false, BITS, 1))
          .hasMessageContaining("window: expected at least 1 layer");
    }
  }
}
