package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Json;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Runs commands in this process. */
final class Cli {
  static final String PROMPT = "When Mary and John went to the store, John gave a book to";

  private Cli() {}

  /**
   * What a command did.
   *
   * @param code its exit code
   * @param out what it wrote to standard output
   * @param err what it wrote to standard error
   */
  record Ran(int code, String out, String err) {

    /** Done, with no word on standard error. */
    Ran isClean() {
      assertThat(err).isEmpty();
      assertThat(code).isZero();
      return this;
    }

    /** Done, whatever it noted. */
    Ran isDone() {
      assertThat(code).as(err).isZero();
      return this;
    }

    /** Failed with this code and exactly one line on standard error, nothing on standard output. */
    Ran failed(int expected) {
      assertThat(err.lines()).hasSize(1);
      assertThat(err).endsWith("\n").doesNotContain("Exception", "bug");
      assertThat(out).isEmpty();
      assertThat(code).isEqualTo(expected);
      return this;
    }

    /** The one object on standard output. */
    JsonNode json() {
      return Json.read("stdout", out);
    }
  }

  static Ran run(String... arguments) {
    return runWith("", false, Map.of(), arguments);
  }

  static Ran runWithInput(String input, String... arguments) {
    return runWith(input, false, Map.of(), arguments);
  }

  static Ran runOnTerminal(Map<String, String> environment, String... arguments) {
    return runWith("", true, environment, arguments);
  }

  private static Ran runWith(
      String input, boolean terminal, Map<String, String> environment, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Screen screen =
        Screen.of(
            new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
            out,
            err,
            terminal,
            environment);
    int code = Main.run(arguments, screen);
    return new Ran(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** A checkpoint without a tokenizer. */
  static String fixture(String name) {
    return root().resolve("fixtures").resolve(name).toString();
  }

  /** The repository. */
  static Path root() {
    return Path.of(System.getProperty("diopter.root"));
  }
}
