package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StandardErrorLogTest {
  private final PrintStream before = System.err;
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final System.Logger logger = System.getLogger("test");

  @BeforeEach
  void capture() {
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void giveBack() {
    System.setErr(before);
    StandardErrorLog.setLeast(System.Logger.Level.WARNING);
  }

  @Test
  void log_warning_isOneLine() {
    logger.log(System.Logger.Level.WARNING, "{0} of {1}\nlines", 1, 2);
    assertThat(lines()).isEqualTo("diopter: warning: 1 of 2 lines\n");
  }

  @Test
  void log_information_isShownWhereAskedFor() {
    logger.log(System.Logger.Level.INFO, "quiet");
    assertThat(lines()).isEmpty();
    StandardErrorLog.setLeast(System.Logger.Level.INFO);
    logger.log(System.Logger.Level.INFO, "loud");
    logger.log(System.Logger.Level.DEBUG, "too much");
    assertThat(lines()).isEqualTo("diopter: info: loud\n");
  }

  @Test
  void log_throwable_isInTheLine() {
    logger.log(System.Logger.Level.ERROR, "broken", new IllegalStateException("odd"));
    assertThat(lines()).isEqualTo("diopter: error: broken: java.lang.IllegalStateException: odd\n");
  }

  private String lines() {
    return err.toString(StandardCharsets.UTF_8).replace(System.lineSeparator(), "\n");
  }
}
