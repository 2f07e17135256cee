package dev.diopter.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Starts the command as a process of its own, as the launcher script does. */
final class Processes {
  private Processes() {}

  /** A command in a folder; what it writes is read by the caller, who ends it. */
  static Process diopter(Path folder, String... words) throws IOException {
    return start(folder, "--add-exports=java.base/jdk.internal.module=ALL-UNNAMED", List.of(words));
  }

  /** The same with another option of the JVM. */
  static Process start(Path folder, String option, List<String> words) throws IOException {
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(option, "--enable-native-access=ALL-UNNAMED"));
    command.addAll(List.of("-cp", classPath, "dev.diopter.cli.Launch"));
    command.addAll(words);
    return new ProcessBuilder(command).directory(folder.toFile()).start();
  }
}
