package dev.diopter.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Where the native library is unpacked to, each in a process of its own since it is loaded once.
 */
class NativeTokenizersTest {
  @TempDir Path folder;

  /** What the other process does. */
  static final class Child {
    private Child() {}

    public static void main(String[] arguments) {
      try (OpenModel model = ModelStore.system().open("demo-gpt2");
          Tokenizer tokenizer = model.openTokenizer()) {
        System.out.print(tokenizer.encode(" Mary", true).ids()[0]);
      }
    }
  }

  @Test
  void load_emptyHome_unpacksBelowIt() throws Exception {
    Path home = Files.createDirectories(folder.resolve("home"));
    run(home.toString(), Map.of());
    assertThat(libraries(home.resolve(".djl.ai/tokenizers"))).hasSize(1);
    run(home.toString(), Map.of());
    assertThat(libraries(home)).hasSize(1);
  }

  @Test
  void load_cacheFolderInTheEnvironment_isTaken() throws Exception {
    Path home = Files.createDirectories(folder.resolve("home"));
    run(home.toString(), Map.of("DJL_CACHE_DIR", folder.resolve("cache").toString()));
    assertThat(libraries(folder.resolve("cache/tokenizers"))).hasSize(1);
    run(home.toString(), Map.of("ENGINE_CACHE_DIR", folder.resolve("engine").toString()));
    assertThat(libraries(folder.resolve("engine/tokenizers"))).hasSize(1);
    assertThat(home).isEmptyDirectory();
  }

  @Test
  void load_noHomeOrOneThatIsNoFolder_unpacksForTheProcessAlone() throws Exception {
    run("?", Map.of());
    Path file = Files.writeString(folder.resolve("file"), "x");
    run(file.toString(), Map.of());
    assertThat(file).hasContent("x");
    assertThat(libraries(folder)).isEmpty();
  }

  @Test
  void load_brokenLibraryInTheCache_unpacksAnother() throws Exception {
    Path home = Files.createDirectories(folder.resolve("home"));
    run(home.toString(), Map.of());
    Files.writeString(libraries(home).getFirst(), "not a library");
    run(home.toString(), Map.of());
  }

  /** Runs the child, which must give the id of the word, and nothing else on either stream. */
  private void run(String home, Map<String, String> environment) throws Exception {
    Path temporary = Files.createDirectories(folder.resolve("tmp"));
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Xshare:auto"));
    command.addAll(List.of("-Duser.home=" + home, "-Djava.io.tmpdir=" + temporary));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Child.class.getName()));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().clear();
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes());
    assertThat(output).isEqualTo("753");
    assertThat(process.waitFor()).isZero();
    assertThat(libraries(temporary)).isEmpty();
  }

  private static List<Path> libraries(Path below) throws IOException {
    if (!Files.exists(below)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(below)) {
      return all.filter(file -> file.getFileName().toString().contains("tokenizers."))
          .filter(Files::isRegularFile)
          .toList();
    }
  }
}
