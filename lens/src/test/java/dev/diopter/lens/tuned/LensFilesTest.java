package dev.diopter.lens.tuned;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.SafetensorsFile;
import dev.diopter.formats.TorchWriter;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelException;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LensFilesTest {
  private static final String CONFIG =
      "{\"base_model_name_or_path\": \"m\", \"d_model\": 2, \"num_hidden_layers\": 2}";

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void save_lensOfTheOriginal_writesItsFilesAgain(String model) throws IOException {
    LensFiles.Loaded loaded = LensFiles.load(TunedCase.lensFolder(model));
    assertThat(loaded.notes()).isEmpty();
    LensFiles.save(folder, loaded.lens(), Map.of("steps", "0"));
    assertThat(folder.resolve("config.json"))
        .hasSameTextualContentAs(TunedCase.lensFolder(model).resolve("config.json"));
    assertThat(Files.size(folder.resolve("params.pt")))
        .isEqualTo(Files.size(TunedCase.lensFolder(model).resolve("params.pt")));
    assertThat(LensFiles.load(folder).lens()).isEqualTo(loaded.lens());
    assertThat(LensFiles.load(folder.resolve("params.safetensors")).lens())
        .isEqualTo(loaded.lens());
    try (SafetensorsFile twin = SafetensorsFile.open(folder.resolve("params.safetensors"))) {
      assertThat(twin.metadata())
          .containsEntry("steps", "0")
          .containsEntry("parametrisation", "residual")
          .containsEntry("format_version", "1");
      assertThat(twin.metadata().get("config"))
          .contains("\"site\":\"resid_pre\"", "\"processing\":[]", "\"unembed_hash\":\"");
    }
    Files.delete(folder.resolve("params.pt"));
    assertThat(LensFiles.load(folder).lens()).isEqualTo(loaded.lens());
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void bundled_demoModel_fitsItAndIsNearer(String name) {
    LensFiles.Loaded loaded = LensFiles.bundled(name);
    assertThat(loaded.notes()).isEmpty();
    try (OpenModel stored = ModelStore.system().open(name);
        Model model = Model.open(name)) {
      String hash = UnembedHash.of(stored.weights());
      assertThat(loaded.lens().config().unembedHash()).isEqualTo(hash);
      LensFit fit = LensFit.of(model, hash);
      assertThat(fit.check(loaded.lens(), false)).isEmpty();
    }
  }

  @Test
  void bundled_otherModel_isRefused() {
    assertThatThrownBy(() -> LensFiles.bundled("gpt2"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected one of demo-gpt2, demo-llama")
        .hasMessageContaining("diopter lens train");
  }

  @Test
  void save_otherSiteAndProcessing_comeBack() {
    LensConfig config =
        new LensConfig(
            "m", "r", 2, 1, true, null, LensSite.RESID_POST, List.of("fold_ln", "center_unembed"));
    TunedLens lens =
        new TunedLens(
            config, List.of(new Translator(new float[] {1, 2, 3, 4}, new float[] {5, -0f})));
    LensFiles.save(folder.resolve("a/b"), lens);
    assertThat(LensFiles.load(folder.resolve("a/b")))
        .isEqualTo(new LensFiles.Loaded(lens, List.of()));
  }

  /** A folder in the way of the new parameters, as a full disk or a kill would be. */
  @Test
  void save_overAnotherLensCutOff_leavesNoFalsePair() throws IOException {
    TunedLens old = lens("old", 1);
    LensFiles.save(folder, old);
    Files.delete(folder.resolve("params.pt"));
    Files.createDirectories(folder.resolve("params.pt/inside"));
    assertThatThrownBy(() -> LensFiles.save(folder, lens("new", 2)))
        .isInstanceOf(FormatException.class);
    assertThat(folder.resolve("config.json")).doesNotExist();
    assertThat(LensFiles.load(folder.resolve("params.safetensors")).lens())
        .isEqualTo(lens("new", 2));
  }

  @Test
  void save_sameConfigurationAgain_keepsItThroughout() throws IOException {
    LensFiles.save(folder, lens("m", 1));
    Files.delete(folder.resolve("params.pt"));
    Files.createDirectories(folder.resolve("params.pt/inside"));
    assertThatThrownBy(() -> LensFiles.save(folder, lens("m", 2)))
        .isInstanceOf(FormatException.class);
    assertThat(folder.resolve("config.json")).isRegularFile();
  }

  @Test
  void save_numbersThatAreNone_leavesTheOldLens() {
    LensFiles.save(folder, lens("m", 1));
    assertThatThrownBy(() -> LensFiles.save(folder, lens("m", Float.POSITIVE_INFINITY)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("0.weight: expected finite numbers, found Infinity");
    assertThat(LensFiles.load(folder).lens()).isEqualTo(lens("m", 1));
  }

  private static TunedLens lens(String model, float weight) {
    LensConfig config =
        new LensConfig(model, null, 1, 1, true, null, LensSite.RESID_PRE, List.of());
    return new TunedLens(config, List.of(new Translator(new float[] {weight}, new float[] {0})));
  }

  @Test
  void load_layoutBeforeVersion006_isConverted() throws IOException {
    config(
        "{\"bias\": true, \"include_input\": true, \"d_model\": 2, \"num_layers\": 3,"
            + " \"vocab_size\": 4, \"reuse_unembedding\": true, \"extra_layers\": 0,"
            + " \"model_config\": {\"_name_or_path\": \"EleutherAI/pythia-160m\"}}");
    for (String word : List.of("translator", "probe", "adapter")) {
      List<TorchWriter.Tensor> tensors = new ArrayList<>();
      tensors.add(tensor("layer_norm.weight", 2));
      tensors.add(tensor("layer_norm.bias", 2));
      tensors.add(tensor("unembedding.weight", 4, 2));
      tensors.add(tensor("input_" + word + ".weight", 2, 2));
      tensors.add(tensor("input_" + word + ".bias", 2));
      for (int i = 0; i < 2; i++) {
        tensors.add(tensor("layer_" + word + "s." + i + ".weight", 2, 2));
        tensors.add(tensor("layer_" + word + "s." + i + ".bias", 2));
      }
      TorchWriter.write(folder.resolve("params.pt"), tensors);
      LensFiles.Loaded loaded = LensFiles.load(folder);
      assertThat(loaded.lens().config().baseModel()).isEqualTo("EleutherAI/pythia-160m");
      assertThat(loaded.lens().translator(2).weight()).isEqualTo(tensors.get(7).values());
      assertThat(loaded.lens().translator(0).bias()).isEqualTo(tensors.get(4).values());
      assertThat(loaded.notes()).hasSize(1);
      assertThat(loaded.notes().getFirst()).contains("before version 0.0.6");
    }
  }

  private static TorchWriter.Tensor tensor(String name, Integer... shape) {
    int count = 1;
    for (int size : shape) {
      count *= size;
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = name.hashCode() % 1000 + i;
    }
    return new TorchWriter.Tensor(name, List.of(shape), values);
  }

  private void config(String text) throws IOException {
    Files.writeString(folder.resolve("config.json"), text);
  }

  private void params(TorchWriter.Tensor... tensors) {
    TorchWriter.write(folder.resolve("params.pt"), List.of(tensors));
  }

  @Test
  void load_unknownKeys_areNotedAndLeftOut() throws IOException {
    config(CONFIG.replace("}", ", \"unemebd_hash\": \"608e5024\", \"x\": {}}"));
    params(
        tensor("0.weight", 2, 2),
        tensor("0.bias", 2),
        tensor("1.weight", 2, 2),
        tensor("1.bias", 2));
    LensFiles.Loaded loaded = LensFiles.load(folder);
    assertThat(loaded.lens().config().unembedHash()).isNull();
    assertThat(loaded.notes().getFirst()).contains("unemebd_hash, x");
  }

  @Test
  void load_tensorsThatDoNotFit_areRefused() throws IOException {
    config(CONFIG);
    TorchWriter.Tensor w0 = tensor("0.weight", 2, 2);
    TorchWriter.Tensor b0 = tensor("0.bias", 2);
    TorchWriter.Tensor w1 = tensor("1.weight", 2, 2);
    TorchWriter.Tensor b1 = tensor("1.bias", 2);
    params(w0, b0, w1);
    refused("expected a bias for layer 1, found none");
    params(w0, b0, b1);
    refused("expected a weight for layer 1, found none");
    params(w0, b0, w1, tensor("1.bias", 3));
    refused("\"1.bias\": expected shape [2] by the configuration, found [3]");
    params(w0, b0, w1, b1, tensor("2.bias", 2));
    refused("\"2.bias\": expected layers 0 to 1");
    params(w0, b0, w1, b1, tensor("lm_head.weight", 2));
    refused("expected translators, found a tensor \"lm_head.weight\"");
    params(w0, b0, w1, b1, tensor("translators.1.bias", 2));
    refused("expected one bias for layer 1, found two");
    params(w0, b0, w1, new TorchWriter.Tensor("1.bias", List.of(2), new float[] {1, Float.NaN}));
    refused("tensor 1.bias: expected finite numbers, found NaN");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "[] | expected a JSON object",
        "{\"d_model\": 2, \"num_hidden_layers\": 2} | expected base_model_name_or_path",
        "{\"base_model_name_or_path\": \"m\", \"d_model\": 0} | d_model: expected a number of 1",
        "{\"base_model_name_or_path\": 1} | base_model_name_or_path: expected a text, found 1",
        "{\"d_model\": 2, \"num_layers\": 2, \"reuse_unembedding\": false} | reuse_unembedding",
        "{\"d_model\": 2, \"num_layers\": 2, \"extra_layers\": 1} | extra layers",
        "{\"base_model_name_or_path\": \"m\", \"lens_type\": \"x\"} | expected linear_tuned_lens"
      })
  void load_configurationThatCannotBeUsed_isRefused(String text, String expected)
      throws IOException {
    config(text);
    params();
    refused(expected);
  }

  private void refused(String message) {
    assertThatThrownBy(() -> LensFiles.load(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(message)
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
  }

  @Test
  void load_folderWithoutALens_isRefused() {
    refused(
        "expected a folder with config.json and params.pt or params.safetensors, found a folder");
    assertThatThrownBy(() -> LensFiles.load(folder.resolve("none")))
        .hasMessageContaining("found nothing");
  }

  @Test
  void check_lensOfAnotherModel_isRefused() {
    TunedLens lens = TunedCase.lens("demo-gpt2");
    DecoderConfig gpt2 = config("demo-gpt2", lens);
    String hash = TunedCase.unembedHash("demo-gpt2");
    String other = TunedCase.unembedHash("demo-llama");
    assertThat(new LensFit("demo-gpt2", gpt2, hash, List.of()).check(lens, false)).isEmpty();
    assertThatThrownBy(() -> new LensFit("x", gpt2, other, List.of()).check(lens, false))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining(
            "the lens belongs to demo-gpt2, whose unembedding has the hash 825528a8");
    assertThat(new LensFit("x", gpt2, other, List.of()).check(lens, true).getFirst())
        .contains("trained on another model");
    assertThatThrownBy(() -> new LensFit("x", gpt2, hash, List.of("fold_ln")).check(lens, true))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("the lens is for weights as they are, but x is run with fold_ln");
    TunedLens narrow =
        TunedLens.untrained(
            new LensConfig("y", null, 3, 1, true, null, LensSite.RESID_PRE, List.of()));
    assertThatThrownBy(() -> new LensFit("x", gpt2, hash, List.of()).check(narrow, true))
        .hasMessageContaining("trained on y with 1 layers of width 3, but x has 6 layers");
    TunedLens hashless =
        TunedLens.untrained(LensConfig.of("org/GPT2", gpt2, LensSite.RESID_PRE, null));
    assertThat(new LensFit("/models/gpt2/", gpt2, hash, List.of()).check(hashless, false))
        .isEmpty();
    assertThat(new LensFit("x", gpt2, hash, List.of()).check(hashless, false).getFirst())
        .contains("no hash to compare with x");
  }

  private static DecoderConfig config(String model, TunedLens lens) {
    try (OpenModel stored = ModelStore.system().open(model)) {
      assertThat(stored.config().width()).isEqualTo(lens.width());
      return stored.config();
    }
  }
}
