package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows is what happens. */
class ReadmeTest {
  private static final int MOST_LINES = 15;
  private static final Pattern BLOCK =
      Pattern.compile("^```(\\w*)\\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL);

  private record Block(String language, String text) {}

  @TempDir Path folder;

  @Test
  void example_compiledAndRun_printsWhatIsShown() throws Exception {
    List<Block> blocks = blocks();
    Block example =
        blocks.stream().filter(b -> b.language.equals("java")).findFirst().orElseThrow();
    assertThat(example.text.lines()).hasSizeLessThanOrEqualTo(MOST_LINES);
    Block shown = blocks.get(blocks.indexOf(example) + 1);

    Path source = Files.writeString(folder.resolve("Example.java"), example.text);
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    ByteArrayOutputStream messages = new ByteArrayOutputStream();
    int code =
        compiler.run(
            null,
            messages,
            messages,
            "--release",
            "25",
            "-d",
            folder.toString(),
            "-cp",
            System.getProperty("java.class.path"),
            source.toString());
    assertThat(code).as(messages.toString(StandardCharsets.UTF_8)).isZero();
    assertThat(run("Example")).isEqualTo(shown.text);
  }

  /** Runs the main method as the launcher of a compact source file does. */
  private String run(String name) throws Exception {
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
      Class<?> type = loader.loadClass(name);
      Constructor<?> constructor = type.getDeclaredConstructor();
      constructor.setAccessible(true);
      Method main = type.getDeclaredMethod("main");
      main.setAccessible(true);
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      main.invoke(constructor.newInstance());
    } finally {
      System.setOut(before);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }

  @Test
  void commands_run_printWhatIsShown() throws IOException {
    int commands = 0;
    for (Block block : blocks()) {
      String first = block.text.lines().findFirst().orElse("");
      if (!first.startsWith("$ ./diopter ")) {
        continue;
      }
      commands++;
      Path file = folder.resolve("patterns.npz");
      String command =
          first.substring("$ ./diopter ".length()).replace("patterns.npz", file.toString());
      Path page = folder.resolve("report.html");
      // Beside the sources it would stay.
      Cli.Ran ran =
          Cli.run(words(command.equals("demo") ? "demo --report " + page : command)).isDone();
      String printed =
          (ran.out() + ran.err())
              .replace(file.toString(), "patterns.npz")
              .replace(page.toString(), "report.html");
      List<String> lines = printed.lines().toList();
      for (String line : block.text.lines().skip(1).toList()) {
        if (!line.equals("...")) {
          assertThat(lines).as(first).contains(line);
        }
      }
    }
    assertThat(commands).isEqualTo(6);
  }

  @Test
  void links_inTheRepository_leadSomewhere() throws IOException {
    Matcher links = Pattern.compile("\\]\\(([^)#:]+)").matcher(readme());
    List<String> targets = new ArrayList<>();
    while (links.find()) {
      targets.add(links.group(1));
    }
    assertThat(targets)
        .isNotEmpty()
        .allSatisfy(target -> assertThat(Cli.root().resolve(target)).exists());
  }

  /** Words of a shell command, those in quotes whole. */
  private static String[] words(String command) {
    Matcher words = Pattern.compile("\"([^\"]*)\"|'([^']*)'|(\\S+)").matcher(command);
    return words
        .results()
        .map(m ->
            Stream.of(m.group(1), m.group(2), m.group(3))
                .filter(g -> g != null)
                .findFirst()
                .orElseThrow())
        .toArray(String[]::new);
  }

  private static List<Block> blocks() throws IOException {
    return BLOCK.matcher(readme()).results().map(m -> new Block(m.group(1), m.group(2))).toList();
  }

  private static String readme() throws IOException {
    return Files.readString(Cli.root().resolve("README.md"));
  }
}
