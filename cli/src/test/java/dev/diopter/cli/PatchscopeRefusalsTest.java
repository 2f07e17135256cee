package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the patchscope commands refuse: in one clear line, before any work, with exit code 2. */
class PatchscopeRefusalsTest {
  @TempDir Path folder;

  private static String[] words(String command, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "patchscope",
                command,
                "demo-llama",
                "--source",
                "The capital of Japan is",
                "--target",
                "cat is cat; red is red; red is"));
    words.addAll(List.of(more));
    return words.toArray(String[]::new);
  }

  private static final String CASES =
      """
      --source-position 0,1 --target-position 0,1,2|2 source vectors for 3 target places: expected as many, or one for all
      --source-position -1 --target-position -1 --target-head 0|the source's residual stream gives 128 numbers where a target head takes 32
      --source-position 0,1 --source-head 0,1 --target-position 0,1,2,3 --target-head 0|2 x 2 source vectors for 4 x 1 target places
      --source-position 9 --target-position -1|source position: expected 0 to 4 or -1 to -5, got 9
      --source-position -1 --target-position -40|target position: expected 0 to
      --source-position -1 --target-position -1 --source-head 4 --target-head 0|source head: expected 0 to 3 or -1 to -4, got 4
      --source-position -1 --target-position -1 --source-head 0 --target-head -5|target head: expected 0 to 3
      --source-substring star --target-position -1|source substring: 'star' is not in the prompt 'The capital of Japan is'
      --source-position -1 --target-substring red --target-occurrence 7|target substring: expected an occurrence from 0 to
      --source-position -1 --target-position -1 --token _photosynthesis|token ' photosynthesis': expected one token, found
      --source-position -1 --target-position -1 --max-new-tokens 2 --schedule steps:0,2|2 new tokens take passes 0 to 1; step 2 would never act
      --source-position -1 --target-position -1 --max-new-tokens 0 --schedule steps:1|step 1 would never act
      --source-position -1 --target-position -1 --max-token-layers 5|the budget is 5 token-layers, this takes
      --source-position -1 --target-position -1 --max-new-tokens 400|expected at most 256 positions, new tokens included
      """;

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = CASES)
  void run_whatCannotBe_isRefused(String options, String message) {
    assertThat(Cli.run(words("run", split(options))).failed(2).err()).contains(message);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = CASES)
  void over_whatCannotBe_isRefusedAndLeavesNoFile(String options, String message)
      throws IOException {
    List<String> more = new ArrayList<>(List.of(split(options)));
    more.addAll(List.of("--source-layers", "0,1", "--target-layers", "1,2"));
    more.addAll(List.of("--cells", folder.resolve("c.jsonl").toString()));
    assertThat(Cli.run(words("over", more.toArray(String[]::new))).failed(2).err())
        .contains(message);
    try (var files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
  }

  private static String[] split(String options) {
    return Arrays.stream(options.split(" ")).map(o -> o.replace('_', ' ')).toArray(String[]::new);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          run|--source-layer 6|source layer: expected embed, final, 0 to 5 or -1 to -6, got 6
          run|--target-layer -7|target layer: expected embed, final, 0 to 5
          run|--target-layer final --target-position 0 --source-position 0|position 0 is not read: write position
          over|--source-layers 0-9|source layer: expected embed, final, 0 to 5 or -1 to -6, got 6
          over|--target-layers 6|target layer: expected embed, final, 0 to 5
          over|--vary heads --control mean --source-layers 0 --target-layers 0|mean: expected vectors of the residual stream
          over|--vary heads|source layer: heads are those of a block, got embed: give blocks alone, such as 0-5 (all of them: blocks)
          over|--paper-compat --source-layers 5,final|--paper-compat: layer 5 is final there: expected one of both
          over|--paper-compat --source-layers -1,final|--paper-compat: layer 5 is final there: expected one of both
          over|--preset logit-lens --source-position 2 --read last|in the last block a position changes its own prediction alone, and position 2 is not read: write position 11 or an earlier layer, or read the patched one
          run|--source-position 0 --target-position 0|target layer: in the last block a position changes its own prediction alone
          run|--source-position 0 --source-head 0 --target-position 0 --target-head 1|target layer: in the last block
          over|--control nothing|--control: expected one of unpatched, mean, shuffled, permuted, all
          over|--control mean --cells c.jsonl|--control: expected no --cells with it
          over|--all-steps --out c.csv|--all-steps: expected a .npz or .json file
          """)
  void layersAndControls_thatCannotBe_areRefused(String command, String options, String message) {
    List<String> more = new ArrayList<>(List.of(split(options)));
    if (!more.contains("--source-position") && !more.contains("--preset")) {
      more.addAll(List.of("--source-position", "-1", "--target-position", "-1"));
    }
    assertThat(Cli.run(words(command, more.toArray(String[]::new))).failed(2).err())
        .contains(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          over|--source-layer 3|--source-layer: expected --source-layers, the layers of a sweep
          over|--target-layer embed|--target-layer: expected --target-layers, the layers of a sweep
          over|--preset token-identity --target-layer 2|--target-layer: expected --target-layers
          over|--preset token-identity --source-layer 2|--source-layer: expected --source-layers
          over|--preset token-identity --source-position all|--source-position all: expected some of them with --preset token-identity, which takes -1
          over|--preset causal-tracing --noise 1 --source-position all|which takes each in turn
          over|--noise-position 1|--noise-position: expected --noise SD with it, got no noise
          run|--noise-position 1|--noise-position: expected --noise SD with it, got no noise
          run|--noise-seed 3|--noise-seed: expected --noise SD with it, got no noise
          run|--noise 1 --noise-position x|position
          over|--preset tuned-lens|--preset tuned-lens: expected --map with it, got none
          over|--preset causal-tracing|--preset causal-tracing: expected --noise with it, got none
          """)
  void options_thatNobodyWouldRead_areRefused(String command, String options, String message) {
    String err = Cli.run(words(command, split(options))).failed(2).err();
    assertThat(err).contains(message).hasLineCount(1);
  }

  @Test
  void over_lastBlockAmongOthers_isACellOfItsSweep() {
    String[] more = {"--source-position", "1", "--target-position", "1", "--json"};
    Cli.Ran ran = Cli.run(words("over", more)).isDone();
    assertThat(ran.json().get("cells")).hasSize(49);
  }

  @Test
  void over_presetThatNeedsATarget_isRefusedWithoutOne() {
    String[] words = {
      "patchscope", "over", "demo-llama", "--preset", "multi-hop", "--source", "Japan"
    };
    assertThat(Cli.run(words).failed(2).err())
        .contains("--preset multi-hop: expected --target with it, got none");
  }

  @Test
  void models_ofOtherWidths_areRefusedWithoutAMapping() {
    Cli.Ran ran =
        Cli.run(
            "patchscope",
            "run",
            "demo-llama",
            "--source-model",
            Cli.fixture("gpt2-tiny"),
            "--source-token-ids",
            "1,2,3",
            "--source-position",
            "-1",
            "--target",
            "The sun is",
            "--target-position",
            "-1");
    assertThat(ran.failed(2).err()).contains("expected a mapping between these widths");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --ridge -1|--ridge: expected 0 or more
          --hold-every 1|--hold-every: expected 0, or 2 or more, got 1
          --source-layers 0-7|source layer: expected embed, final, 0 to 5
          --pairs --source-layers 0,1 --target-layers 1|expected as many target layers as source layers, got 1 and 2
          --pairs --diagonal|expected --pairs or --diagonal, got both
          --max-texts 0|--max-texts: expected 1 or more
          --ridge 0|pairs do not determine a map of 128 numbers: give more, or a ridge
          """)
  void fit_whatCannotBe_isRefusedAndLeavesNoFile(String options, String message)
      throws IOException {
    Path texts = Files.writeString(folder.resolve("t.txt"), "The sun\nThe moon\n");
    Path maps = folder.resolve("m.safetensors");
    List<String> words =
        new ArrayList<>(List.of("patchscope", "fit", "demo-llama", "--texts", texts.toString()));
    words.addAll(List.of("-o", maps.toString()));
    words.addAll(List.of(split(options)));
    assertThat(Cli.run(words.toArray(String[]::new)).failed(2).err()).contains(message);
    assertThat(maps).doesNotExist();
  }
}
