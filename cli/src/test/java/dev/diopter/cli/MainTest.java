package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {

  @Test
  void help_root_listsEveryCommand() {
    assertThat(Cli.run("--help").isClean().out())
        .contains(
            "demo ",
            "run ",
            "generate ",
            "hooks ",
            "cache ",
            "models ",
            "doctor ",
            "Exit codes: 0 done, 1 failed, 2 wrong usage.");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "demo",
        "run",
        "generate",
        "hooks",
        "cache",
        "models",
        "models list",
        "models info",
        "doctor"
      })
  void help_command_fitsThePage(String command) {
    String[] words = (command + " --help").split(" ");
    Cli.Ran ran = Cli.run(words).isClean();
    assertThat(ran.out()).startsWith("Usage: diopter " + command);
    assertThat(ran.out().lines())
        .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(100));
  }

  @Test
  void help_asACommand_isTheOption() {
    assertThat(Cli.run("help").isClean().out()).isEqualTo(Cli.run("--help").out());
    assertThat(Cli.run("help", "models", "list").isClean().out())
        .isEqualTo(Cli.run("models", "list", "--help").out());
  }

  @Test
  void version_option_printsIt() {
    assertThat(Cli.run("--version").isClean().out()).startsWith("diopter ");
  }
}
