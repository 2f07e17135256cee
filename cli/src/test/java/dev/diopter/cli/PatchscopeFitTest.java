package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** {@code patchscope fit}, and what is done with its files. */
class PatchscopeFitTest {
  private static final String TEXTS =
      Cli.root().resolve("fixtures/lens-texts/train.jsonl").toString();

  @TempDir Path folder;

  @Test
  void fit_twoModels_letsVectorsGoAcross() {
    String maps = folder.resolve("across.safetensors").toString();
    JsonNode fitted =
        Cli.run(
                "patchscope",
                "fit",
                "demo-gpt2",
                "--target-model",
                "demo-llama",
                "--bos",
                "--texts",
                TEXTS,
                "--max-texts",
                "60",
                "--source-layers",
                "embed,3,5",
                "--diagonal",
                "-o",
                maps,
                "--json")
            .isDone()
            .json();
    assertThat(fitted.get("texts").intValue()).isEqualTo(60);
    assertThat(fitted.get("maps")).hasSize(3);
    for (JsonNode map : fitted.get("maps")) {
      assertThat(map.get("target_layer")).isEqualTo(map.get("source_layer"));
      assertThat(map.get("held_out_samples").intValue()).isPositive();
      assertThat(map.get("held_out_r2").doubleValue()).isBetween(0.3, 1.0);
    }
    JsonNode cell =
        Cli.run(
                "patchscope",
                "run",
                "demo-gpt2",
                "--target-model",
                "demo-llama",
                "--bos",
                "--source",
                "The capital of Italy is",
                "--source-layer",
                "3",
                "--source-position",
                "-1",
                "--target",
                "cat is cat; red is red; Mary is Mary; sun is sun; Rome is",
                "--target-layer",
                "3",
                "--target-position",
                "-1",
                "--map",
                "affine:" + maps,
                "--max-new-tokens",
                "3",
                "--all-steps",
                "--json")
            .isDone()
            .json();
    assertThat(cell.get("map").stringValue()).isEqualTo("affine:across.safetensors");
    assertThat(cell.get("target_model").stringValue()).isEqualTo("demo-llama");
    assertThat(cell.get("kl_from_unpatched").doubleValue()).isPositive();
    assertThat(cell.get("step_logits")).hasSize(cell.get("generated_ids").size());
    assertThat(cell.get("step_logits").get(0)).hasSize(1024);
    Cli.Ran other =
        Cli.run(
            "patchscope",
            "run",
            "demo-gpt2",
            "--target-model",
            "demo-llama",
            "--source",
            "The sun",
            "--source-layer",
            "2",
            "--target",
            "The sun",
            "--map",
            "affine:" + maps);
    assertThat(other.failed(2).err()).contains("expected a map for layer 2 to layer 5, it has 3");
  }

  @ParameterizedTest
  @CsvSource({"1,5,true,true", "60,5,false,false", "60,0,false,true"})
  void fit_numbersThatSayNothing_areSaidTo(
      String texts, String hold, boolean fewPairs, boolean noneHeldOut) {
    String maps = folder.resolve("few.safetensors").toString();
    String[] fit = {
      "patchscope",
      "fit",
      "demo-llama",
      "--bos",
      "--texts",
      TEXTS,
      "--max-texts",
      texts,
      "--hold-every",
      hold,
      "--source-layers",
      "1",
      "-o",
      maps
    };
    String err = Cli.run(fit).isDone().err();
    assertThat(err.contains(" pairs for maps of 128 numbers: R2 on them is near 1"))
        .isEqualTo(fewPairs);
    assertThat(err.contains("no text is held out")).isEqualTo(noneHeldOut);
  }

  @Test
  void fit_oneModel_makesATunedLens() {
    for (String compat : new String[] {"", "--paper-compat"}) {
      String maps = folder.resolve("lens" + compat + ".safetensors").toString();
      String[] fit = {
        "patchscope",
        "fit",
        "demo-llama",
        "--bos",
        "--texts",
        TEXTS,
        "--max-texts",
        "60",
        "-o",
        maps,
        compat
      };
      String out = Cli.run(without(fit)).isDone().out();
      assertThat(out).contains("held-out R2", "embed");
      String[] over = {
        "patchscope",
        "over",
        "demo-llama",
        "--bos",
        "--preset",
        "tuned-lens",
        "--source",
        "The capital of Japan is",
        "--map",
        "affine:" + maps,
        "--json",
        compat
      };
      JsonNode cells = Cli.run(without(over)).isDone().json().get("cells");
      assertThat(cells).hasSize(7);
      JsonNode last = cells.get(6);
      assertThat(last.get("source_layer").toString())
          .isEqualTo(compat.isEmpty() ? "5" : "\"final\"");
      // The last layer's map is the identity, so the lens says what the model says.
      assertThat(last.get("precision_at_1").intValue()).isEqualTo(1);
      assertThat(last.get("kl_from_source").doubleValue()).isLessThan(0.01);
    }
  }

  private static String[] without(String[] words) {
    return java.util.Arrays.stream(words).filter(w -> !w.isEmpty()).toArray(String[]::new);
  }
}
