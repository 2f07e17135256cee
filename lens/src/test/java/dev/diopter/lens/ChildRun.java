package dev.diopter.lens;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Runs of a test's main class in a process of its own, to be killed. */
public final class ChildRun {
  private ChildRun() {}

  /**
   * Starts a class with a folder or file as its argument and kills it when it has said so many
   * lines, or {@code end}.
   */
  public static void startAndKill(Class<?> main, Path to, int lines)
      throws IOException, InterruptedException {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.awt.headless=true",
                "-Ddiopter.root=" + System.getProperty("diopter.root"),
                "-cp",
                System.getProperty("java.class.path"),
                main.getName(),
                to.toString())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try (BufferedReader out = new BufferedReader(child.inputReader(StandardCharsets.UTF_8))) {
      for (int i = 0; i < lines; i++) {
        String said = out.readLine();
        assertThat(said).as("the child failed").isNotNull();
        if (said.equals("end")) {
          break;
        }
      }
    } finally {
      child.destroyForcibly(); // SIGKILL
      child.waitFor();
    }
  }
}
