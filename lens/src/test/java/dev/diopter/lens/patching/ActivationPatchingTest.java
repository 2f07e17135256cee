package dev.diopter.lens.patching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Site;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class ActivationPatchingTest {
  private static final PatchMetric BITS = PatchMetric.of(PatchingTests::bits);

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void run_transformerLensCases_givesEverySweep(String name) {
    JsonNode expected =
        Json.read(
            PatchingTests.ROOT
                .resolve("fixtures/lens-cases")
                .resolve(name)
                .resolve("activation-patching.json"));
    int answer = expected.get("answer_id").intValue();
    int wrong = expected.get("wrong_id").intValue();
    Prompt clean = Prompt.ofIds(PatchingTests.ids(expected.get("clean_ids")));
    Prompt corrupt = Prompt.ofIds(PatchingTests.ids(expected.get("corrupt_ids")));
    List<PatchSite> sites = PatchSite.NAMED.stream().filter(s -> expected.has(s.name())).toList();
    assertThat(sites.size()).isGreaterThanOrEqualTo(8);
    try (Model model = PatchingTests.open(name, "cpu", 2)) {
      PatchMetric metric = PatchMetric.normalizedLogitDifference(answer, wrong);
      PatchResult result =
          ActivationPatching.run(
              model, PatchRequest.of(clean, corrupt, metric, sites.toArray(PatchSite[]::new)));
      assertThat((double) result.cleanLogits()[answer] - result.cleanLogits()[wrong])
          .isCloseTo(expected.get("clean_logit_diff").doubleValue(), within(1e-4));
      assertThat((double) result.corruptLogits()[answer] - result.corruptLogits()[wrong])
          .isCloseTo(expected.get("corrupt_logit_diff").doubleValue(), within(1e-4));
      for (PatchSite site : sites) {
        Sweep sweep = result.sweep(site);
        for (int i = 0; i < sweep.values().length; i++) {
          int[] cell = PatchingTests.index(sweep.shape(), i);
          JsonNode value = expected.get(site.name());
          for (int n : cell) {
            value = value.get(n);
          }
          assertThat(sweep.values()[i])
              .as("%s %s", site, Arrays.toString(cell))
              .isCloseTo(value.doubleValue(), within(1e-5));
        }
      }
      assertThat(result.unpatched()).isZero();
    }
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          gpt2-tiny, cpu, 1, 5, 1, 268435456
          gpt2-tiny, reference, 1, 4, 0, 3000
          llama-gqa, cpu, 2, 5, 2, 3000
          llama-gqa, reference, 1, 4, 1, 1
          gpt2-odd-f16, cpu, 3, 6, 0, 20000
          llama-sharded-bf16, cpu, 2, 4, 3, 1
          """)
  void run_everySite_hasTheBitsOfWholeRuns(
      String name, String backend, int threads, int length, int shared, long memory) {
    Random random = PatchingTests.random(name + backend);
    try (Model model = PatchingTests.open(name, backend, threads)) {
      Prompt[] prompts = PatchingTests.prompts(model, random, length, shared);
      List<PatchSite> sites = new ArrayList<>(PatchSite.NAMED);
      sites.add(PatchSite.of(Site.POST, Grid.POSITION));
      sites.add(PatchSite.of(Site.LN1_NORMALIZED, Grid.POSITION));
      sites.add(PatchSite.of(Site.V_INPUT, Grid.POSITION_HEAD));
      sites.add(PatchSite.of(Site.ATTN_SCORES, Grid.HEAD_QUERY));
      sites.add(PatchSite.of(Site.Z, Grid.POSITION));
      sites.removeIf(s -> !s.site().existsIn(model.config()));
      for (PatchRequest.Direction direction : PatchRequest.Direction.values()) {
        PatchRequest request =
            new PatchRequest(prompts[0], prompts[1], sites, BITS, direction, memory);
        PatchResult result = ActivationPatching.run(model, request);
        RunResult source = model.run(request.source(), HookPlan.reading("*", "optional:*"));
        for (PatchSite site : sites) {
          Sweep sweep = result.sweep(site);
          for (int i = 0; i < sweep.values().length; i++) {
            int[] cell = PatchingTests.index(sweep.shape(), i);
            double wanted = PatchingTests.whole(model, request.base(), source, site, cell);
            assertThat(sweep.values()[i])
                .as("%s %s %s", direction, site, Arrays.toString(cell))
                .isEqualTo(wanted);
          }
        }
        PatchCost most = PatchCost.most(model.config(), length, shared, sites);
        assertThat(result.cost().tokenLayers()).isLessThanOrEqualTo(most.tokenLayers());
        assertThat(result.cost().unembeddings()).isLessThanOrEqualTo(most.unembeddings());
        assertThat(result.cost().cells()).isEqualTo(most.cells());
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"gpt2-tiny, 0", "gpt2-tiny, 3", "llama-gqa, 2", "demo-llama, 7"})
  void run_counters_areTheClosedForms(String name, int shared) {
    Random random = PatchingTests.random(name);
    int n = 8;
    long m = n - shared;
    long t = m * (m + 1) / 2;
    try (Model model = PatchingTests.open(name, "cpu", 2)) {
      long layers = model.config().layers();
      long heads = model.config().heads();
      long keyHeads = model.config().keyValueHeads();
      Prompt[] prompts = PatchingTests.prompts(model, random, n, shared);
      long clean = 2 * n * layers;
      long block = (layers - 1) * m + 1;
      long above = layers * (layers - 1) / 2;
      long from = layers * (layers + 1) / 2;
      assertCost(model, prompts, PatchSite.RESID_PRE, clean + t * from, m * layers);
      assertCost(model, prompts, PatchSite.ATTN_OUT, clean + block + t * above, block);
      assertCost(model, prompts, PatchSite.MLP_OUT, clean + block + t * above, block);
      assertCost(
          model,
          prompts,
          PatchSite.HEAD_Q_BY_POS,
          clean + heads * (block + t * above),
          heads * block);
      assertCost(
          model,
          prompts,
          PatchSite.HEAD_Q_ALL_POS,
          clean + heads * (block + m * above),
          heads * layers);
      assertCost(
          model,
          prompts,
          PatchSite.HEAD_K_BY_POS,
          clean + keyHeads * t * from,
          keyHeads * m * layers);
      assertCost(
          model, prompts, PatchSite.HEAD_V_ALL_POS, clean + keyHeads * m * from, keyHeads * layers);
    }
  }

  private static void assertCost(
      Model model, Prompt[] prompts, PatchSite site, long tokenLayers, long unembeddings) {
    PatchResult result =
        ActivationPatching.run(model, PatchRequest.of(prompts[0], prompts[1], BITS, site));
    int shared = 0;
    while (prompts[0].ids()[shared] == prompts[1].ids()[shared]) {
      shared++;
    }
    assertThat(result.cost().tokenLayers()).as("%s", site).isEqualTo(tokenLayers);
    assertThat(result.cost().unembeddings()).as("%s", site).isEqualTo(unembeddings + 2);
    assertThat(result.cost())
        .isEqualTo(PatchCost.most(model.config(), prompts[0].length(), shared, List.of(site)));
  }

  @Test
  void stack_groups_padSharedHeads() {
    Random random = PatchingTests.random("every");
    try (Model model = PatchingTests.open("llama-gqa", "cpu", 1)) {
      Prompt[] prompts = PatchingTests.prompts(model, random, 4, 1);
      List<PatchSite> sites =
          PatchSite.parse("attn_head_all_pos_every, attn_head_by_pos_every,block_every");
      assertThat(sites).hasSize(13);
      PatchResult result =
          ActivationPatching.run(
              model,
              PatchRequest.of(prompts[0], prompts[1], BITS, sites.toArray(PatchSite[]::new)));
      int layers = model.config().layers();
      int heads = model.config().heads();
      int keyHeads = model.config().keyValueHeads();
      assertThat(keyHeads).isLessThan(heads);
      Sweep all = EverySweep.HEAD_ALL_POS.stack(result);
      assertThat(all.shape()).containsExactly(5, layers, heads);
      assertThat(all.at(2, 1, keyHeads - 1))
          .isEqualTo(result.sweep(PatchSite.HEAD_K_ALL_POS).at(1, keyHeads - 1));
      assertThat(all.at(2, 1, keyHeads)).isZero();
      Sweep by = EverySweep.HEAD_BY_POS.stack(result);
      assertThat(by.shape()).containsExactly(5, layers, 4, heads);
      assertThat(by.at(4, 1, 3, 2))
          .isEqualTo(result.sweep(PatchSite.HEAD_PATTERN_BY_POS).at(1, 2, 3));
      assertThat(by.at(3, 0, 2, 1)).isEqualTo(result.sweep(PatchSite.HEAD_V_BY_POS).at(0, 2, 1));
      assertThat(EverySweep.BLOCK.stack(result).shape()).containsExactly(3, layers, 4);
    }
  }

  @Test
  void run_whatDoesNotFit_isRefusedBeforeAnythingRuns() {
    try (Model model = PatchingTests.open("gpt2-tiny", "cpu", 1)) {
      Prompt three = Prompt.ofIds(1, 2, 3);
      Prompt two = Prompt.ofIds(1, 2);
      assertThatThrownBy(() -> PatchRequest.of(three, two, BITS, PatchSite.RESID_PRE))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("the clean one has 3, the corrupt one 2");
      PatchMetric far = PatchMetric.logitDifference(1, 1 << 20);
      assertThatThrownBy(() ->
              ActivationPatching.run(
                  model, PatchRequest.of(three, three, far, PatchSite.RESID_PRE)))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("answer: expected a token id from 0 to");
      assertThatThrownBy(() -> ActivationPatching.run(model, PatchRequest.of(three, three, BITS)))
          .hasMessageContaining("sites: expected at least one");
      assertThatThrownBy(() -> PatchSite.parse("resid_pre,nonsense"))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("got 'nonsense'");
      assertThatThrownBy(() -> PatchSite.of(Site.MLP_OUT, Grid.HEAD))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("cannot be cut");
      PatchMetric normalized = PatchMetric.normalizedLogitDifference(1, 2);
      assertThatThrownBy(() ->
              ActivationPatching.run(
                  model, PatchRequest.of(three, three, normalized, PatchSite.RESID_PRE)))
          .hasMessageContaining("no change to share out");
    }
  }

  @Test
  void measure_metrics_areTheirFormulas() {
    float[] clean = {1, 2, 3};
    float[] corrupt = {3, 2, 1};
    double sum = Math.exp(1) + Math.exp(2) + Math.exp(3);
    assertThat(PatchMetric.logitDifference(2, 0).measure(clean, corrupt).applyAsDouble(clean))
        .isEqualTo(2);
    assertThat(
            PatchMetric.normalizedLogitDifference(2, 0)
                .measure(clean, corrupt)
                .applyAsDouble(new float[] {1, 5, 1}))
        .isEqualTo(.5);
    assertThat(PatchMetric.probability(2).measure(clean, corrupt).applyAsDouble(clean))
        .isCloseTo(Math.exp(3) / sum, within(1e-12));
    assertThat(PatchMetric.logProbability(0).measure(clean, corrupt).applyAsDouble(clean))
        .isCloseTo(1 - Math.log(sum), within(1e-12));
    assertThat(PatchMetric.rank(0).measure(clean, corrupt).applyAsDouble(clean)).isEqualTo(2);
    assertThat(PatchMetric.klFromClean().measure(clean, corrupt).applyAsDouble(clean)).isZero();
    assertThat(PatchMetric.klFromClean().measure(clean, corrupt).applyAsDouble(corrupt))
        .isCloseTo((2 * Math.exp(3) - 2 * Math.exp(1)) / sum, within(1e-12));
  }
}
