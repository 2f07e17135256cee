package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** docs/cli.md names every command, option and key of a result. */
class CliPageTest {
  @TempDir Path folder;

  @Test
  void page_everyCommandAndOption_isThere() throws IOException {
    String page = page();
    Screen screen =
        Screen.of(
            new ByteArrayInputStream(new byte[0]),
            OutputStream.nullOutputStream(),
            OutputStream.nullOutputStream());
    List<CommandLine> left =
        new ArrayList<>(Commands.parser(new String[0], screen).getSubcommands().values());
    assertThat(left).isNotEmpty();
    while (!left.isEmpty()) {
      CommandLine line = left.removeLast();
      left.addAll(line.getSubcommands().values());
      String name = line.getCommandSpec().qualifiedName().replace("diopter ", "");
      assertThat(page).containsPattern("(?m)^## .*" + name);
      for (OptionSpec option : line.getCommandSpec().options()) {
        assertThat(page)
            .as(name)
            .containsPattern("`[^`]*" + Pattern.quote(option.longestName()) + "\\b");
      }
    }
  }

  @Test
  void page_everyKeyOfAResult_isThere() throws IOException {
    String file = folder.resolve("f.npz").toString();
    String texts = Files.writeString(folder.resolve("t.txt"), Cli.PROMPT).toString();
    String prompts = Files.writeString(folder.resolve("prompts.jsonl"), "").toString();
    String data = folder.resolve("data").toString();
    String lens = folder.resolve("lens").toString();
    String lensTexts =
        Files.writeString(folder.resolve("l.txt"), (Cli.PROMPT + "\n").repeat(9)).toString();
    List<String[]> commands =
        List.of(
            new String[] {"demo"},
            new String[] {"run", "demo-gpt2", "--ids", "0"},
            new String[] {
              "generate", "demo-gpt2", "--ids", "0", "--max-new-tokens", "1", "--temperature", "1"
            },
            new String[] {"hooks", "demo-gpt2"},
            new String[] {
              "cache", "demo-gpt2", "--ids", "0", "--hooks", "hook_embed", "--out", file
            },
            new String[] {
              "attention", "random", "demo-gpt2", "--layer", "0", "--head", "0", "--texts", texts
            },
            new String[] {
              "attention", "describe", "demo-gpt2", "--layer", "0", "--head", "0", "--texts", texts
            },
            new String[] {"attention", "heads", "demo-gpt2"},
            new String[] {
              "patch",
              "demo-gpt2",
              "--clean-ids",
              "0,1",
              "--corrupt-ids",
              "0,2",
              "--answer-id",
              "1",
              "--wrong-id",
              "2"
            },
            new String[] {
              "patterns", "activations", "demo-gpt2", "-n", "0", "--prompts", prompts, "-s", data
            },
            new String[] {"patterns", "figures", "-s", data},
            new String[] {"patterns", "index", "-s", data},
            new String[] {
              "lens",
              "train",
              "demo-gpt2",
              "--data",
              lensTexts,
              "-o",
              lens,
              "--max-length",
              "16",
              "--steps",
              "1",
              "--tokens-per-step",
              "16",
              "--start",
              "ridge"
            },
            new String[] {
              "lens",
              "eval",
              "demo-gpt2",
              "--data",
              lensTexts,
              "--max-length",
              "16",
              "--lens",
              lens,
              "--layer-transfer"
            },
            new String[] {"lens", "show", "demo-gpt2", "--ids", "0,5"},
            new String[] {"lens", "list", folder.toString()},
            new String[] {
              "lens", "generate", "demo-gpt2", "--ids", "0", "--layer", "1", "--max-new-tokens", "1"
            },
            new String[] {
              "lens",
              "basis",
              "demo-gpt2",
              "--data",
              lensTexts,
              "--layers",
              "1",
              "-k",
              "1",
              "--max-length",
              "8",
              "--tokens",
              "16"
            },
            new String[] {"models", "list"},
            new String[] {"models", "info", "demo-gpt2"},
            new String[] {"doctor"});
    String page = page();
    for (String[] words : commands) {
      String[] all = java.util.Arrays.copyOf(words, words.length + 1);
      all[words.length] = "--json";
      String section = page.substring(page.indexOf("\n## " + words[0]));
      for (String key : Cli.run(all).isDone().json().propertyNames()) {
        assertThat(section).as(words[0]).containsPattern("`([^`]*[ {\\[])?" + key + "\\b");
      }
    }
  }

  private static String page() throws IOException {
    return Files.readString(Cli.root().resolve("docs/cli.md"));
  }
}
