package dev.diopter.lens.patterns;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Checkpoints for tests. */
final class Checkpoints {
  private Checkpoints() {}

  /** demo-gpt2 in a folder of its own with one weight changed, as another run of training has. */
  static String otherWeights(Path to) throws IOException {
    Path from =
        Path.of(
            System.getProperty("diopter.root"),
            "models/src/main/resources/dev/diopter/models/bundled/demo-gpt2");
    Files.createDirectories(to);
    try (Stream<Path> all = Files.list(from)) {
      List<Path> files = all.toList();
      for (Path file : files) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
    Path weights = to.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 4] ^= 1;
    Files.write(weights, bytes);
    return to.toString();
  }
}
