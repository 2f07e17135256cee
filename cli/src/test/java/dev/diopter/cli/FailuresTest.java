package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.models.ModelException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FailuresTest {
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  static Stream<Arguments> failures() {
    return Stream.of(
        Arguments.of(new UsageException("wrong"), 2, "diopter: wrong"),
        Arguments.of(new ModelException("bad\nmodel"), 1, "diopter: bad model"),
        Arguments.of(new FormatException("f: broken"), 1, "diopter: f: broken"),
        Arguments.of(new NoSuchFileException("f"), 1, "diopter: f: no such file or folder"),
        Arguments.of(
            new UncheckedIOException(new AccessDeniedException("f")),
            1,
            "diopter: f: not permitted"),
        Arguments.of(new IOException("disk"), 1, "diopter: disk"),
        Arguments.of(
            new UnsatisfiedLinkError("libx"),
            1,
            "diopter: a native library cannot be loaded: libx; diopter doctor shows what this"
                + " machine has"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void report_knownFailure_isALineAndACode(Throwable failure, int code, String line) {
    assertThat(report(failure, OutputStream.nullOutputStream())).isEqualTo(code);
    assertThat(lines()).isEqualTo(line + System.lineSeparator());
  }

  @Test
  void report_outOfMemory_saysWhatToDo() {
    assertThat(report(new OutOfMemoryError(), OutputStream.nullOutputStream())).isEqualTo(1);
    assertThat(lines())
        .startsWith("diopter: out of memory with a heap of ")
        .contains("set a larger one with DIOPTER_HEAP");
    err.reset();
    Error threads = new OutOfMemoryError("unable to create native thread: possibly out of memory");
    assertThat(report(threads, OutputStream.nullOutputStream())).isEqualTo(1);
    assertThat(lines())
        .startsWith("diopter: cannot start another thread: ask for fewer with --threads");
  }

  @Test
  void report_unexpectedFailure_saysThatItIsABug() {
    assertThat(report(new IllegalStateException("odd"), OutputStream.nullOutputStream()))
        .isEqualTo(1);
    assertThat(lines())
        .isEqualTo(
            "diopter: unexpected IllegalStateException: odd; this is a bug in diopter: run again"
                + " with --verbose and report the stack trace"
                + System.lineSeparator());
  }

  @Test
  void run_readerThatLeft_isSilentAndFailed() {
    assertThat(runInto("Broken pipe", "hooks", "demo-gpt2")).isEqualTo(1);
    assertThat(lines()).isEmpty();
  }

  @Test
  void run_fullDisk_isReported() {
    assertThat(runInto("No space left on device", "hooks", "demo-gpt2")).isEqualTo(1);
    assertThat(lines())
        .isEqualTo(
            "diopter hooks: standard output: No space left on device" + System.lineSeparator());
  }

  @Test
  void run_fullDisk_leavesTheNotesOut() {
    assertThat(runInto("No space left on device", "run", "demo-gpt2", "text without BOS"))
        .isEqualTo(1);
    assertThat(lines().lines()).hasSize(1);
  }

  private int runInto(String failure, String... words) {
    OutputStream full =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException(failure);
          }
        };
    return Main.run(words, screen(full));
  }

  private int report(Throwable failure, OutputStream out) {
    return Failures.report(failure, "diopter", false, screen(out));
  }

  private Screen screen(OutputStream out) {
    return Screen.of(new ByteArrayInputStream(new byte[0]), out, err);
  }

  private String lines() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
