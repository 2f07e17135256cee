package dev.diopter.lens.plotting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import dev.diopter.formats.Json;
import dev.diopter.formats.Npz;
import dev.diopter.lens.trajectory.LensStatistic;
import dev.diopter.lens.trajectory.Targets;
import dev.diopter.lens.trajectory.Trajectories;
import dev.diopter.lens.trajectory.Trajectory;
import dev.diopter.lens.trajectory.TrajectoryOptions;
import dev.diopter.lens.trajectory.TrajectorySource;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensFiles;
import dev.diopter.lens.tuned.LogitLens;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Figures beside those that the Python package made with Plotly 5.24.1. */
class PlottingCasesTest {

  @ParameterizedTest
  @CsvSource({"demo-gpt2,tuned", "demo-gpt2,logit", "demo-llama,tuned", "demo-llama,logit"})
  void plotly_ofTheCase_isTheOriginals(String name, String kind) {
    Path folder = Path.of(System.getProperty("diopter.root"), "fixtures/lens-cases", name);
    JsonNode expected = Json.read(folder.resolve("plotting.json"));
    try (Model model = Model.open(name, new ModelOptions("cpu", 2));
        Npz npz = Npz.open(folder.resolve("trajectories.npz"))) {
      Lens lens =
          kind.equals("logit")
              ? LogitLens.of(model.config())
              : LensFiles.load(folder.resolve("tuned-lens")).lens();
      Trajectory trajectory =
          Trajectories.of(
              new TrajectorySource(
                  model,
                  lens,
                  Prompt.ofIds(npz.read("ids").ints()),
                  TrajectoryOptions.DEFAULT
                      .targets(new Targets(npz.read("targets").ints()))
                      .antiTargets(new Targets(npz.read("anti_targets").ints()))));
      compare(expected, kind + ".entropy", of(model, trajectory, LensStatistic.ENTROPY));
      compare(
          expected,
          kind + ".forward_kl.clip",
          of(model, trajectory, LensStatistic.FORWARD_KL).clip(0, 3));
      compare(
          expected,
          kind + ".entropy.stride2",
          of(model, trajectory, LensStatistic.ENTROPY).stride(2));
      compare(
          expected,
          kind + ".log_prob_diff.delta",
          of(model, trajectory, LensStatistic.LOG_PROB_DIFF_DELTA));
    }
  }

  private static TrajectoryStatistic of(
      Model model, Trajectory trajectory, LensStatistic statistic) {
    return TrajectoryStatistic.of(
        trajectory, statistic, TokenNames.of(model), TokenFormatter.DEFAULT);
  }

  private static void compare(JsonNode all, String key, TrajectoryStatistic statistic) {
    JsonNode expected = all.path(key);
    assertThat(expected.isObject()).as(key).isTrue();
    String title = expected.path("layout").path("title").path("text").stringValue();
    ObjectNode found = statistic.figure(title).plotly();
    // Theirs leaves the kind of the axes to Plotly, which may take layer labels for numbers.
    for (String axis : new String[] {"xaxis", "yaxis"}) {
      ObjectNode ours = (ObjectNode) found.path("layout").path(axis);
      assertThat(ours.remove("type").stringValue()).isEqualTo("category");
    }
    same(key, expected, found);
  }

  private static void same(String path, JsonNode expected, JsonNode found) {
    assertThat(found.getNodeType()).as(path).isEqualTo(expected.getNodeType());
    assertThat(found.size()).as(path).isEqualTo(expected.size());
    if (expected.isNumber()) {
      assertThat(found.doubleValue()).as(path).isCloseTo(expected.doubleValue(), within(1e-4));
    } else if (expected.isObject()) {
      for (Map.Entry<String, JsonNode> member : expected.properties()) {
        same(path + "." + member.getKey(), member.getValue(), found.path(member.getKey()));
      }
    } else if (expected.isArray()) {
      for (int i = 0; i < expected.size(); i++) {
        same(path + "[" + i + "]", expected.get(i), found.get(i));
      }
    } else {
      assertThat(found.asString()).as(path).isEqualTo(expected.asString());
    }
  }
}
