package dev.diopter.lens.tuned.training;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.lens.ChildRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A training that is killed again and again ends with the bits of one that was not. */
class KilledTrainingTest {
  private static final int KILLS = 3;

  @TempDir Path folder;

  @Test
  void run_killedAgainAndAgain_endsWithTheSameBits() throws Exception {
    Path clean = folder.resolve("clean");
    var expected = KilledTrainingMain.run(clean, TrainingListener.NONE);
    Path killed = folder.resolve("killed");
    long seed = System.nanoTime();
    System.out.println("KilledTrainingTest seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < KILLS; i++) {
      ChildRun.startAndKill(
          KilledTrainingMain.class, killed, 1 + random.nextInt(KilledTrainingMain.STEPS / 2));
    }
    var found = KilledTrainingMain.run(killed, TrainingListener.NONE);
    assertThat(found.translators()).as("seed %d", seed).isEqualTo(expected.translators());
    for (String file : new String[] {"log.csv", "checkpoints/snapshot_24.safetensors"}) {
      assertThat(Files.readAllBytes(killed.resolve(file)))
          .as("seed %d, %s", seed, file)
          .isEqualTo(Files.readAllBytes(clean.resolve(file)));
    }
  }
}
