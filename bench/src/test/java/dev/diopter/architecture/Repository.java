package dev.diopter.architecture;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Where things are in the repository that these tests look at. */
final class Repository {
  static final Path ROOT =
      Path.of(System.getProperty("diopter.root", "..")).toAbsolutePath().normalize();

  private Repository() {}

  /** The folders of the modules. */
  static List<Path> modules() {
    try (Stream<Path> folders = Files.list(ROOT)) {
      return folders.filter(f -> Files.isRegularFile(f.resolve("pom.xml"))).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** All folders that hold Java sources, main and test. */
  static List<Path> sourceFolders() {
    return modules().stream()
        .flatMap(m -> Stream.of(m.resolve("src/main/java"), m.resolve("src/test/java")))
        .filter(Files::isDirectory)
        .toList();
  }
}
