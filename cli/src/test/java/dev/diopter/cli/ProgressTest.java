package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final Screen screen =
      Screen.of(
          new ByteArrayInputStream(new byte[0]),
          OutputStream.nullOutputStream(),
          err,
          true,
          Map.of());

  @Test
  void close_shortWork_neverShows() {
    Progress.start(screen, new OutputOptions(), "loading").close();
    assertThat(err.toByteArray()).isEmpty();
  }

  @Test
  void draw_countedWork_showsABarAndIsWipedAtTheEnd() {
    Progress progress = Progress.start(screen, new OutputOptions(), "writing");
    progress.update(1, 2);
    progress.draw();
    assertThat(drawn()).isEqualTo("\r\u001b[Kwriting ▕████████████            ▏ 1 of 2, 0 s");
    progress.close();
    assertThat(drawn()).endsWith("0 s\r\u001b[K");
  }

  @Test
  void draw_uncountedWork_showsTheTime() {
    Progress progress = Progress.start(screen, new OutputOptions(), "loading");
    progress.draw();
    assertThat(drawn()).isEqualTo("\r\u001b[Kloading … 0 s");
    progress.close();
  }

  @Test
  void draw_behindTheEnd_showsNothing() {
    Progress progress = Progress.start(screen, new OutputOptions(), "loading");
    progress.close();
    progress.draw();
    assertThat(drawn()).isEmpty();
  }

  private String drawn() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
