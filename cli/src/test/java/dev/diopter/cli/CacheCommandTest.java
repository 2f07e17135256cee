package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Npz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class CacheCommandTest {
  @TempDir Path folder;

  @Test
  void cache_namedHooks_areWrittenWithABatchAxis() {
    Path file = folder.resolve("a.npz");
    Cli.Ran ran =
        Cli.run(
                "cache",
                "demo-gpt2",
                "--ids",
                "0,1,2",
                "--hooks",
                "blocks.*.attn.hook_pattern,hook_embed,unembed.hook_out",
                "--out",
                file.toString(),
                "--json")
            .isDone();
    JsonNode json = ran.json();
    assertThat(json.propertyNames())
        .containsExactly("model", "backend", "processing", "ids", "tokens", "arrays");
    assertThat(json.path("arrays")).hasSize(8);
    assertThat(json.path("arrays").path("unembed.hook_out").toString()).isEqualTo("[1,3,1024]");
    try (Npz npz = Npz.open(file)) {
      assertThat(npz.names())
          .containsExactlyInAnyOrderElementsOf(json.path("arrays").propertyNames());
      assertThat(npz.read("hook_embed").shape()).containsExactly(1, 3, 128);
      float[] pattern = npz.read("blocks.4.attn.hook_pattern").floats();
      assertThat(npz.read("blocks.4.attn.hook_pattern").shape()).containsExactly(1, 4, 3, 3);
      // The first token has only itself to look at.
      assertThat(pattern).startsWith(1, 0, 0);
      float[] logits = npz.read("unembed.hook_out").floats();
      JsonNode top =
          Cli.run("run", "demo-gpt2", "--ids", "0,1,2", "--json").json().path("top").get(0);
      assertThat(logits[2 * 1024 + top.path("id").intValue()])
          .isEqualTo(top.path("logit").floatValue());
    }
    assertThat(ran.err())
        .contains(
            "blocks.*.attn.hook_pattern       6  [1, 4, 3, 3]", "wrote " + file + ": 8 arrays");
  }

  @Test
  void cache_everything_hasEveryPointOfTheModel() {
    Path file = folder.resolve("all.npz");
    JsonNode arrays =
        Cli.run(
                "cache",
                "demo-llama",
                "--ids",
                "0,1",
                "--hooks",
                "*,optional:*",
                "--out",
                file.toString(),
                "--json",
                "-q")
            .isClean()
            .json()
            .path("arrays");
    JsonNode hooks = Cli.run("hooks", "demo-llama", "--json").json().path("hooks");
    assertThat(arrays).hasSize(hooks.size());
    for (JsonNode hook : hooks) {
      assertThat(arrays.has(hook.path("name").stringValue())).isTrue();
    }
  }

  @Test
  void cache_plan_addsItsReadsAndEdits() throws IOException {
    Path plan =
        Files.writeString(
            folder.resolve("plan.json"),
            """
            {"reads": [{"hook": "blocks.1.hook_mlp_out", "when": "before"}],
             "edits": [{"hook": "blocks.1.hook_mlp_out", "op": "zero"}]}
            """);
    Path file = folder.resolve("b.npz");
    Cli.run(
            "cache",
            "demo-gpt2",
            "--ids",
            "0,1",
            "--hooks",
            "blocks.1.hook_mlp_out",
            "--edit",
            plan.toString(),
            "--out",
            file.toString())
        .isDone();
    try (Npz npz = Npz.open(file)) {
      assertThat(npz.names())
          .containsExactly("blocks.1.hook_mlp_out.before", "blocks.1.hook_mlp_out");
      assertThat(npz.read("blocks.1.hook_mlp_out").floats()).containsOnly(0);
      assertThat(npz.read("blocks.1.hook_mlp_out.before").floats()).doesNotContain(0);
    }
  }

  @Test
  void cache_existingFile_isReplacedWhole() throws IOException {
    Path file = Files.writeString(folder.resolve("c.npz"), "old");
    Cli.run(
            "cache",
            "demo-gpt2",
            "--ids",
            "0",
            "--hooks",
            "hook_embed",
            "--out",
            file.toString(),
            "-q")
        .isClean();
    try (Npz npz = Npz.open(file)) {
      assertThat(npz.names()).containsExactly("hook_embed");
    }
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }
}
