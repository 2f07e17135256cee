package dev.diopter.lens.patterns;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.lens.ChildRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that is killed at any moment leaves nothing that a later run misreads. */
class KilledRunTest {
  private static final int KILLS = 5;
  private static final int STEPS = KilledRunMain.PROMPTS * (1 + 2 * 24);

  @TempDir Path folder;

  @Test
  void run_killedAgainAndAgain_endsWithTheFilesOfARunThatWasNot() throws Exception {
    Path clean = folder.resolve("clean");
    KilledRunMain.run(clean, RunListener.NONE);
    Path killed = folder.resolve("killed");
    long seed = System.nanoTime();
    System.out.println("KilledRunTest seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < KILLS; i++) {
      // The first ones while prompts are recorded, the others anywhere.
      int line = 1 + random.nextInt(i < 2 ? KilledRunMain.PROMPTS : STEPS);
      ChildRun.startAndKill(KilledRunMain.class, killed, line);
      readsWhole(killed, seed);
    }
    KilledRunMain.run(killed, RunListener.NONE);
    assertThat(Prompts.files(killed)).as("seed %d", seed).isEqualTo(Prompts.files(clean));
  }

  /** What is there can be read, whatever is missing. */
  private static void readsWhole(Path folder, long seed) throws IOException {
    ModelFolder model = new PatternStore(folder).model("m");
    if (!Files.isDirectory(model.folder())) {
      return;
    }
    List<String> hashes = model.hashes();
    for (String hash : hashes) {
      try (StoredPatterns patterns = model.load(model.prompt(hash))) {
        for (int layer = 0; layer < 6; layer++) {
          assertThat(patterns.layer(layer)).as("seed %d", seed).hasSize(4);
        }
      }
    }
    for (String name : Prompts.files(folder).keySet()) {
      if (name.endsWith(".png")) {
        assertThat(ImageIO.read(folder.resolve(name).toFile())).as(name).isNotNull();
      }
    }
  }
}
