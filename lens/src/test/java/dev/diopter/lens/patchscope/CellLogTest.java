package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Logs of cells that were cut off. */
class CellLogTest {
  @TempDir Path folder;

  @Test
  void open_logsCutAnywhere_goOnToTheSameBytes() throws IOException {
    try (Model model = Models.open("demo-llama", "cpu", 1)) {
      Patch patch =
          Patch.of(
              Source.of(model, "The sun").at(-1),
              Target.of(model, "The moon is").at(-1).newTokens(2).ignoringEos());
      Sweep sweep =
          Sweep.of(patch).grid(Layer.list("0-2", model.config()), Layer.all(model.config()));
      Patchscope scope = Patchscope.of(sweep);
      Path whole = folder.resolve("whole.jsonl");
      write(whole, scope, Integer.MAX_VALUE);
      byte[] expected = Files.readAllBytes(whole);
      int head = Files.readString(whole).indexOf('\n');
      for (int length :
          new int[] {
            0, 1, 60, head, head + 1, expected.length / 3, expected.length - 1, expected.length
          }) {
        Path cut = folder.resolve("cut" + length + ".jsonl");
        Files.write(cut, Arrays.copyOf(expected, length));
        write(cut, scope, Integer.MAX_VALUE);
        assertThat(Files.readAllBytes(cut)).isEqualTo(expected);
      }
      // Written in two parts, of which the second begins where the first was killed.
      Path parts = folder.resolve("parts.jsonl");
      write(parts, scope, 5);
      write(parts, scope, Integer.MAX_VALUE);
      assertThat(Files.readAllBytes(parts)).isEqualTo(expected);
      Patchscope another = Patchscope.of(sweep.mappings(java.util.List.of(Mapping.scale(2))));
      assertThatThrownBy(() -> CellLog.open(whole, another))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("give another file");
      Path foreign = Files.writeString(folder.resolve("notes.txt"), "mine\n");
      assertThatThrownBy(() -> CellLog.open(foreign, scope)).isInstanceOf(UsageException.class);
      assertThat(Files.readString(foreign)).isEqualTo("mine\n");
      // Not even a line, but none of this sweep's.
      Path begun = Files.write(folder.resolve("begun.jsonl"), Arrays.copyOf(expected, 60));
      assertThatThrownBy(() -> CellLog.open(begun, another)).isInstanceOf(UsageException.class);
      assertThat(begun).hasSize(60);
    }
  }

  @Test
  void open_headThatCannotBeWritten_closesTheFile() throws IOException {
    Path path = Files.createFile(folder.resolve("readonly.jsonl"));
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      assertThatThrownBy(() -> CellLog.open(file, CellLog.Whole.NONE, new byte[] {'x'}, 0))
          .isInstanceOf(IOException.class);
      assertThat(file.getFD().valid()).isFalse();
    }
  }

  private static void write(Path file, Patchscope scope, int most) {
    try (CellLog log = CellLog.open(file, scope)) {
      PatchRun run = scope.start(log.cells());
      for (int i = 0; i < most && run.hasNext(); i++) {
        log.add(run.next());
      }
    }
  }
}
