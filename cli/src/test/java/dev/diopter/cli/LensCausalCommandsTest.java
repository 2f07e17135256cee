package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Npz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class LensCausalCommandsTest {
  @TempDir Path folder;

  private String texts = "";
  private final String lens =
      Cli.root().resolve("fixtures/lens-cases/demo-gpt2/tuned-lens").toString();

  @BeforeEach
  void write() throws IOException {
    texts = Files.writeString(folder.resolve("t.txt"), (Cli.PROMPT + "\n").repeat(9)).toString();
  }

  private Cli.Ran basis(String... more) {
    List<String> words =
        new ArrayList<>(
            List.of("lens", "basis", "demo-gpt2", "--data", texts, "--max-length", "8"));
    words.addAll(List.of("--tokens", "24", "--layers", "1,4", "-k", "2"));
    words.addAll(List.of(more));
    return Cli.run(words.toArray(String[]::new));
  }

  @Test
  void basis_table_hasALineForEachDirection() {
    Cli.Ran ran = basis("--lens", lens);
    assertThat(ran.isDone().out())
        .contains("tuned lens, 24 positions", "energy", "alignment")
        .containsPattern("(?m)^ +4 +1 +[0-9.]+ +[0-9.]+ +-?[0-9.]+$");
    assertThat(ran.out().lines().filter(line -> line.matches(" +[14] +[01] .*"))).hasSize(4);
  }

  @Test
  void basis_jsonAndArrays_agree() {
    Path npz = folder.resolve("b.npz");
    JsonNode json =
        basis(
                "--lens",
                lens,
                "--loss",
                "ce",
                "--ablation",
                "zero",
                "--npz",
                npz.toString(),
                "--json")
            .isDone()
            .json();
    assertThat(json.path("lens").stringValue()).isEqualTo("tuned");
    assertThat(json.path("tokens").intValue()).isEqualTo(24);
    JsonNode second = json.path("bases").get(1);
    assertThat(second.path("layer").intValue()).isEqualTo(4);
    assertThat(second.path("vectors").size()).isEqualTo(2);
    try (Npz arrays = Npz.open(npz)) {
      assertThat(arrays.read("layers").floats()).containsExactly(1, 4);
      assertThat(arrays.read("energies").doubles()[2])
          .isEqualTo(second.path("vectors").get(0).path("energy").doubleValue());
      assertThat(arrays.read("vectors").shape()).isEqualTo(List.of(2, 2, 128));
    }
  }

  @Test
  void generate_layers_differAndTheLastIsTheModel() {
    String[] words = {
      "lens",
      "generate",
      "demo-gpt2",
      "--ids",
      "0,5,17",
      "--layer",
      "5",
      "--max-new-tokens",
      "6",
      "--ignore-eos",
      "--site",
      "resid_post",
      "--json"
    };
    JsonNode last = Cli.run(words).isDone().json();
    words[6] = "1";
    JsonNode early = Cli.run(words).isDone().json();
    JsonNode model =
        Cli.run(
                "generate",
                "demo-gpt2",
                "--ids",
                "0,5,17",
                "--max-new-tokens",
                "6",
                "--ignore-eos",
                "--json")
            .isDone()
            .json();
    assertThat(last.path("ids").toString()).isEqualTo(model.path("ids").toString());
    assertThat(early.path("ids").toString()).isNotEqualTo(model.path("ids").toString());
    assertThat(early.path("layer").intValue()).isEqualTo(1);
    assertThat(early.path("lens").stringValue()).isEqualTo("logit");
  }

  @Test
  void generate_text_streamsByATunedLens() {
    Cli.Ran ran =
        Cli.run(
            "lens",
            "generate",
            "demo-gpt2",
            Cli.PROMPT,
            "--bos",
            "--layer",
            "4",
            "--lens",
            lens,
            "--max-new-tokens",
            "5");
    assertThat(ran.isClean().out()).isNotBlank();
  }

  @Test
  void list_findsLensesAtAnyDepthAndSaysWhatIsWrong() throws IOException {
    Path cases = Cli.root().resolve("fixtures/lens-cases");
    JsonNode found = Cli.run("lens", "list", cases.toString(), "--json").isClean().json();
    assertThat(found.path("lenses").size()).isEqualTo(2);
    JsonNode first = found.path("lenses").get(0);
    assertThat(first.path("path").stringValue())
        .isEqualTo(cases.resolve("demo-gpt2/tuned-lens").toString());
    assertThat(first.path("layers").intValue()).isEqualTo(6);
    assertThat(first.path("site").stringValue()).isEqualTo("resid_pre");
    Path broken = Files.createDirectories(folder.resolve("a/b"));
    Files.writeString(broken.resolve("config.json"), "{");
    Files.writeString(broken.resolve("params.pt"), "");
    assertThat(Cli.run("lens", "list", folder.toString()).isClean().out())
        .contains("cannot be used: ");
    assertThat(Cli.run("lens", "list", cases.resolve("demo-gpt2").toString()).isClean().out())
        .contains("demo-gpt2", "resid_pre");
    assertThat(Cli.run("lens", "list", folder.resolve("none").toString()).failed(1).err())
        .contains("expected a folder with lenses, found none");
  }

  @Test
  void list_namesFromFiles_doNotSteerTheTerminal() throws IOException {
    Path hostile = Files.createDirectories(folder.resolve("h"));
    Files.writeString(
        hostile.resolve("config.json"),
        "{\"base_model_name_or_path\": \"a\\u001b[31m\\nb\\u009bc\u202e\", \"d_model\": 2,"
            + " \"num_hidden_layers\": 1}");
    Files.writeString(hostile.resolve("params.pt"), "");
    Cli.Ran ran = Cli.run("lens", "list", folder.toString()).isClean();
    assertThat(ran.out()).contains("a [31m b c").doesNotContain("\u001b", "\u009b", "\u202e");
    assertThat(ran.out().lines()).hasSize(3);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--ablation|none|ablation: expected one of [zero, mean, resample], got 'none'",
        "--loss|mse|loss: expected kl or ce, got 'mse'",
        "--layers|6|--layers: expected 0 to 5, got 6",
        "--vectors|129|--vectors: expected at most 128",
        "--vectors|-1|expected vectors and a tolerance of 0 or more",
        "--tokens|1|expected --tokens and --max-length of 2 or more",
        "--max-length|200|too little text: expected",
        "--site|attn_out|lens site: expected one of"
      })
  void basis_wrongUse_isToldInOneLine(String option, String value, String message)
      throws IOException {
    String few = Files.writeString(folder.resolve("few.txt"), "short\n").toString();
    assertThat(Cli.run("lens", "basis", "demo-gpt2", "--data", few, option, value).failed(2).err())
        .contains(message);
  }

  @Test
  void generate_wrongUse_isToldInOneLine() {
    assertThat(
            Cli.run("lens", "generate", "demo-gpt2", "--ids", "0", "--layer", "6").failed(2).err())
        .contains("--layer: expected 0 to 5, got 6");
    assertThat(Cli.run("lens", "generate", "demo-gpt2", "--ids", "0").failed(2).err())
        .contains("missing --layer L");
  }
}
