package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.lens.ChildRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A sweep whose process is killed goes on to the file of one that was not. */
class KilledSweepTest {
  private static final int CELLS = 49;

  @TempDir Path folder;

  @Test
  void log_killedAgainAndAgain_endsWithTheBytesOfARunThatWasNot() throws Exception {
    Path whole = folder.resolve("whole.jsonl");
    KilledSweepMain.run(whole, false);
    byte[] expected = Files.readAllBytes(whole);
    assertThat(Files.readAllLines(whole)).hasSize(1 + CELLS);
    Path killed = folder.resolve("killed.jsonl");
    Random random = Models.random("kills");
    int before = 0;
    for (int i = 0; i < 3; i++) {
      ChildRun.startAndKill(KilledSweepMain.class, killed, 1 + random.nextInt(8));
      int lines = Files.readAllLines(killed).size();
      assertThat(lines).as("each run goes on behind the last").isGreaterThan(before);
      before = lines - 1;
    }
    // And a machine that stopped in the middle of a line.
    Files.writeString(killed, "{\"index\":7,\"source_la", StandardOpenOption.APPEND);
    KilledSweepMain.run(killed, false);
    assertThat(Files.readAllBytes(killed)).isEqualTo(expected);
  }
}
