package dev.diopter.formats;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this process has mapped, where the system tells. */
public final class Mappings {
  private static final Path MAPS = Path.of("/proc/self/maps");

  private Mappings() {}

  /** Nothing below this folder may be mapped. */
  public static void assertNone(Path folder) throws IOException {
    if (Files.exists(MAPS)) {
      assertThat(Files.readString(MAPS)).doesNotContain(folder.toString());
    }
  }
}
