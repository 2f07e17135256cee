package dev.diopter.lens.patterns;

import dev.diopter.formats.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import tools.jackson.databind.node.ObjectNode;

/** Prompts for tests, and what is left of them. */
final class Prompts {
  private Prompts() {}

  /** So many short texts, all different. */
  static PatternRecorder.Source numbered(int count) {
    return (sink, broken) -> {
      for (int i = 0; i < count; i++) {
        if (!sink.test(row("The year " + (1700 + i) + " came before the year " + (1800 + i % 7)))) {
          return;
        }
      }
    };
  }

  /** These rows. */
  static PatternRecorder.Source of(ObjectNode... rows) {
    return (sink, broken) -> {
      for (ObjectNode row : rows) {
        if (!sink.test(row)) {
          return;
        }
      }
    };
  }

  static ObjectNode row(String text) {
    ObjectNode row = Json.object();
    row.put("text", text);
    row.putObject("meta");
    return row;
  }

  /**
   * Every file of a folder with a checksum of its bytes, without what a killed program left beside
   * its files.
   */
  static TreeMap<String, String> files(Path folder) throws IOException {
    TreeMap<String, String> files = new TreeMap<>();
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        if (!file.getFileName().toString().endsWith(".part")) {
          byte[] sum = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
          files.put(folder.relativize(file).toString(), HexFormat.of().formatHex(sum, 0, 8));
        }
      }
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
    return files;
  }

  /** Changes a file of JSON. */
  static void edit(Path file, Consumer<ObjectNode> change) {
    ObjectNode object = (ObjectNode) Json.read(file);
    change.accept(object);
    Json.write(object, file, false);
  }
}
