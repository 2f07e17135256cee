package dev.diopter.formats;

import static dev.diopter.formats.Messages.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
  @TempDir Path folder;

  @Test
  void write_newAndOldFile_standsWhole() throws IOException {
    Path file = folder.resolve("f");
    AtomicFile.write(file, out -> out.write(new byte[200_000]));
    AtomicFile.write(file, out -> out.write('x'));
    assertThat(file).hasContent("x");
    assertThat(count()).isEqualTo(1);
  }

  @Test
  void write_whileWriting_oldFileStands() throws IOException {
    Path file = Files.writeString(folder.resolve("f"), "old");
    AtomicFile.write(
        file,
        out -> {
          out.write('x');
          out.flush();
          assertThat(file).hasContent("old");
        });
    assertThat(file).hasContent("x");
  }

  @Test
  void write_writerFails_oldFileStandsAndNothingElse() throws IOException {
    Path file = Files.writeString(folder.resolve("f"), "old");
    assertThatThrownBy(() ->
            AtomicFile.write(
                file,
                out -> {
                  out.write(new byte[200_000]);
                  throw new IllegalStateException("stop");
                }))
        .isInstanceOf(IllegalStateException.class);
    assertRefused(
        () ->
            AtomicFile.write(
                file,
                out -> {
                  throw new IOException("disk\nfull");
                }),
        file.toString(),
        "cannot be written",
        "disk full");
    assertThat(file).hasContent("old");
    assertThat(count()).isEqualTo(1);
  }

  @Test
  void write_unwritableTarget_isRefusedInOneLine() {
    assertRefused(() -> AtomicFile.write(folder, out -> {}), folder.toString(), "it is a folder");
    Path below = folder.resolve("none").resolve("f");
    assertRefused(() -> AtomicFile.write(below, out -> {}), below.toString(), "does not exist");
    Path device = Path.of("/proc/diopter-test");
    if (Files.isDirectory(device.getParent())) {
      assertRefused(
          () -> AtomicFile.write(device, out -> {}), device.toString(), "cannot be written");
    }
  }

  @Test
  void write_linkAndPipe_areFollowedAndLeft() throws IOException {
    Path file = Files.writeString(folder.resolve("f"), "old");
    Path link = Files.createSymbolicLink(folder.resolve("link"), file.getFileName());
    AtomicFile.write(link, out -> out.write('x'));
    assertThat(Files.isSymbolicLink(link)).isTrue();
    assertThat(file).hasContent("x");
    Path device = Path.of("/dev/null");
    if (Files.exists(device)) {
      AtomicFile.write(device, out -> out.write('x'));
      assertThat(Files.isRegularFile(device)).isFalse();
    }
  }

  @Test
  void write_longestName_isWritten() throws IOException {
    Path file = folder.resolve("n".repeat(255));
    AtomicFile.write(file, out -> out.write('x'));
    assertThat(file).hasContent("x");
  }

  private long count() throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.count();
    }
  }
}
