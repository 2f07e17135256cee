package dev.diopter.models;

import static dev.diopter.formats.Messages.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Resources;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelStoreTest {
  @TempDir Path home;

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void open_bundledModel_needsNoHomeAndNoDisk(String name) {
    try (OpenModel model = ModelStore.of(Map.of(), "?").open(name)) {
      assertThat(model.displayName()).isEqualTo(name);
      assertThat(model.folder()).isNull();
      assertThat(model.config().layers()).isEqualTo(6);
      assertThat(model.config().bosId()).isEqualTo(0);
      assertThat(model.config().eosIds()).containsExactly(0);
      assertThat(model.weights().layers()).hasSize(6);
      assertThat(model.hasTokenizer()).isTrue();
      assertThat(model.info().dtype()).isEqualTo("F16");
    }
  }

  @Test
  void open_folder_isNamedAsAsked() {
    String name = Resources.fixture("gpt2-tiny").toString();
    try (OpenModel model = ModelStore.of(Map.of(), "").open(name)) {
      assertThat(model.displayName()).isEqualTo(name);
      assertThat(model.folder()).isEqualTo(Path.of(name));
      assertThat(model.hasTokenizer()).isFalse();
      assertThat(model.openTokenizer()).isNull();
      assertThat(model.info().architecture()).isEqualTo("gpt2");
      assertThat(model.info().parameters()).isLessThan(model.info().bytes() / 4);
    }
  }

  @Test
  void close_thenTokenizer_stillOpens() {
    OpenModel model = ModelStore.of(Map.of(), "").open("demo-gpt2");
    var data = model.weights().tokenEmbedding().data();
    model.close();
    model.close();
    org.assertj.core.api.Assertions.assertThatThrownBy(() -> data.get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
    try (Tokenizer tokenizer = model.openTokenizer()) {
      assertThat(tokenizer.encode(" Mary", false).ids()).containsExactly(753);
    }
  }

  @Test
  void open_hubId_isFoundInTheCacheOfLinks() throws IOException {
    Path hub = cache(home.resolve(".cache/huggingface/hub"));
    ModelStore store = ModelStore.of(Map.of(), home.toString());
    assertThat(store.cacheFolder()).isEqualTo(hub);
    try (OpenModel model = store.open("org/tiny")) {
      assertThat(model.config().architecture()).isEqualTo("llama");
      assertThat(model.folder()).endsWith(Path.of("snapshots", "1111"));
    }
    try (OpenModel model = store.open("org/tiny@2222")) {
      assertThat(model.config().architecture()).isEqualTo("gpt2");
    }
    try (OpenModel model = store.open("org/tiny@v2")) {
      assertThat(model.folder()).endsWith(Path.of("snapshots", "2222"));
    }
    try (OpenModel model = store.open("bare")) {
      assertThat(model.config().architecture()).isEqualTo("gpt2");
    }
    assertRefused(ModelException.class, () -> store.open("org/tiny@3333"), "3333", "1111", "2222");
    assertRefused(ModelException.class, () -> store.open("org/tiny@../../x"), "found none");
    assertRefused(ModelException.class, () -> store.open("org/tiny@out"), "expected revision out");
  }

  @Test
  void of_environment_findsTheCache() {
    String some = home.toString();
    assertThat(ModelStore.of(Map.of("HF_HUB_CACHE", "/a", "HF_HOME", "/b"), some).cacheFolder())
        .isEqualTo(Path.of("/a"));
    assertThat(ModelStore.of(Map.of("HUGGINGFACE_HUB_CACHE", "/a"), some).cacheFolder())
        .isEqualTo(Path.of("/a"));
    assertThat(ModelStore.of(Map.of("HF_HOME", "/b", "XDG_CACHE_HOME", "/c"), some).cacheFolder())
        .isEqualTo(Path.of("/b/hub"));
    assertThat(ModelStore.of(Map.of("XDG_CACHE_HOME", "/c"), some).cacheFolder())
        .isEqualTo(Path.of("/c/huggingface/hub"));
    assertThat(ModelStore.of(Map.of("HF_HOME", ""), "/h").cacheFolder())
        .isEqualTo(Path.of("/h/.cache/huggingface/hub"));
    assertThat(ModelStore.of(Map.of(), "?").cacheFolder()).isNull();
    assertThat(ModelStore.of(Map.of(), "").cacheFolder()).isNull();
  }

  @Test
  void open_unknownName_saysWhereItLookedAndWhatIsNear() throws IOException {
    ModelStore store =
        ModelStore.of(Map.of("HF_HUB_CACHE", cache(home.resolve("hub")).toString()), "");
    assertRefused(
        ModelException.class,
        () -> store.open("demo-gtp2"),
        "demo-gtp2",
        "hub",
        "did you mean demo-gpt2?");
    assertRefused(ModelException.class, () -> store.open("org/tiyn"), "did you mean org/tiny?");
    assertRefused(ModelException.class, () -> store.open("tiny"), "did you mean org/tiny?");
    assertRefused(
        ModelException.class, () -> store.open("/no/such/folder"), "no such folder", "config.json");
    assertRefused(ModelException.class, () -> store.open(""), "expected a model");
    assertRefused(ModelException.class, () -> store.open("a\0b"), "expected a model");
    assertRefused(ModelException.class, () -> store.open("../tiny"), "found none");
    assertRefused(ModelException.class, () -> store.open("a/b/c"), "found none");
    Path file = Files.writeString(home.resolve("file"), "x");
    assertRefused(ModelException.class, () -> store.open(file.toString()), "it is a file");
    assertRefused(
        ModelException.class, () -> ModelStore.of(Map.of(), "?").open("x/y"), "no home folder");
  }

  @Test
  void list_namesEveryModelAndWhatIsWrongWithBrokenOnes() throws IOException {
    Path hub = cache(home.resolve("hub"));
    Files.createDirectories(hub.resolve("models--org--broken/snapshots/1"));
    Files.createDirectories(hub.resolve("models--org--empty"));
    Files.createDirectories(hub.resolve("datasets--org--x/snapshots/1"));
    List<ModelInfo> models = ModelStore.of(Map.of("HF_HUB_CACHE", hub.toString()), "").list();
    assertThat(models)
        .extracting(ModelInfo::name)
        .containsExactly("demo-gpt2", "demo-llama", "bare", "org/broken", "org/tiny");
    assertThat(models).extracting(ModelInfo::parameters).startsWith(1353728L, 1238656L);
    assertThat(models.get(3).problem()).contains("config.json").doesNotContain("\n");
    assertThat(models.get(3).architecture()).isNull();
    assertThat(models.get(4).problem()).isNull();
    assertThat(models.get(4).dtype()).isEqualTo("BF16");
    for (ModelInfo model : models.subList(0, 2)) {
      assertThat(model.problem()).isNull();
      assertThat(model.path()).isNull();
    }
  }

  @Test
  void list_withoutCache_hasTheBundledModels() {
    assertThat(ModelStore.of(Map.of("HF_HUB_CACHE", "/no/such/folder"), "").list()).hasSize(2);
    assertThat(ModelStore.of(Map.of(), "").list()).hasSize(2);
    assertThat(ModelStore.system().list()).hasSizeGreaterThanOrEqualTo(2);
  }

  @Test
  void bundledModels_haveModelCards() {
    for (String name : ModelStore.BUNDLED) {
      assertThat(ModelFiles.ofResources(name).exists("README.md")).isTrue();
    }
  }

  /** A cache as the hub's library lays it out: two revisions of one model, one of another. */
  private Path cache(Path hub) throws IOException {
    Path model = hub.resolve("models--org--tiny");
    link(
        model,
        "1111",
        TinyModels.writeShards(
            home.resolve("llama"), TinyModels.LLAMA, TinyModels.llama("model."), 2));
    link(
        model,
        "2222",
        TinyModels.write(home.resolve("gpt2"), TinyModels.GPT2, TinyModels.gpt2("")));
    Files.createDirectories(model.resolve("refs"));
    Files.writeString(model.resolve("refs/main"), "1111");
    Files.writeString(model.resolve("refs/v2"), "2222\n");
    Files.writeString(model.resolve("refs/out"), "../../models--bare/snapshots/9");
    link(
        hub.resolve("models--bare"),
        "9",
        TinyModels.write(home.resolve("bare"), TinyModels.GPT2, TinyModels.gpt2("")));
    return hub;
  }

  private static void link(Path model, String revision, Path from) throws IOException {
    Path blobs = Files.createDirectories(model.resolve("blobs"));
    Path snapshot = Files.createDirectories(model.resolve("snapshots").resolve(revision));
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        String blob = revision + "-" + Math.abs(file.getFileName().toString().hashCode());
        Files.move(file, blobs.resolve(blob));
        Files.createSymbolicLink(
            snapshot.resolve(file.getFileName()), Path.of("../../blobs").resolve(blob));
      }
    }
  }
}
