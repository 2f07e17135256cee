package dev.diopter.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Rules that only the sources can break. */
class SourceRulesTest {
  private static final int MOST_LINES = 500;
  private static final List<Source> SOURCES = read();

  private static final Pattern PUBLIC_TYPE =
      Pattern.compile("public .*\\b(class|interface|record|enum|@interface) \\w+.*");
  // In pieces, so that this file does not hold what it forbids.
  private static final Pattern OPEN_END = Pattern.compile("\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b");
  private static final Pattern BANNED_IMPORT =
      Pattern.compile(
          "import (static )?(kotlin|kotlinx|okhttp3|okio|com\\.openai|com\\.code_intelligence|net\\.jqwik)\\..*");

  @Test
  void everyModuleIsRead() {
    assertThat(SOURCES.stream().map(s -> s.path().getName(0).toString()))
        .contains("kernels", "models", "engine", "lens", "web", "cli", "bench");
  }

  @Test
  void everyPublicType_hasJavadoc() {
    assertThat(
            SOURCES.stream()
                .filter(Source::isMain)
                .flatMap(s -> s.places(i -> isPublicType(s, i) && !hasJavadoc(s, i))))
        .isEmpty();
  }

  @Test
  void noFile_isLongerThanFiveHundredLines() {
    assertThat(
            SOURCES.stream()
                .filter(s -> s.lines().size() > MOST_LINES)
                .map(s -> s.path() + " has " + s.lines().size() + " lines"))
        .isEmpty();
  }

  @Test
  void nothing_isLeftOpen() {
    assertNoLine(s -> true, line -> OPEN_END.matcher(line).find());
  }

  @Test
  void nothingBanned_isImported() {
    assertNoLine(s -> true, line -> BANNED_IMPORT.matcher(line).matches());
  }

  @Test
  void noTest_sleeps() {
    assertNoLine(s -> !s.isMain(), line -> line.contains("Thread." + "sleep("));
  }

  @Test
  void everyPackage_saysWhatItIsForAndIsNullMarked() {
    List<String> packageInfos =
        SOURCES.stream()
            .filter(s -> s.path().endsWith("package-info.java"))
            .filter(
                s -> s.lines().contains("@NullMarked") && s.lines().getFirst().startsWith("/**"))
            .map(s -> s.path().getParent().toString())
            .toList();
    assertThat(SOURCES.stream().filter(Source::isMain).map(s -> s.path().getParent().toString()))
        .isSubsetOf(packageInfos);
  }

  private static void assertNoLine(Predicate<Source> sources, Predicate<String> line) {
    assertThat(
            SOURCES.stream()
                .filter(sources)
                .flatMap(s -> s.places(i -> line.test(s.lines().get(i)))))
        .isEmpty();
  }

  private static boolean isPublicType(Source source, int line) {
    return PUBLIC_TYPE.matcher(source.lines().get(line)).matches();
  }

  /** Goes up from a declaration over its annotations to the comment above them. */
  private static boolean hasJavadoc(Source source, int declaration) {
    int i = declaration - 1;
    while (i >= 0 && !source.lines().get(i).isBlank() && !source.lines().get(i).endsWith("*/")) {
      i--;
    }
    if (i < 0 || source.lines().get(i).isBlank()) {
      return false;
    }
    while (i > 0 && source.lines().get(i).startsWith(" *")) {
      i--;
    }
    return source.lines().get(i).startsWith("/**");
  }

  private static List<Source> read() {
    List<Source> sources = new ArrayList<>();
    for (Path folder : Repository.sourceFolders()) {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).sorted().toList()) {
          sources.add(new Source(Repository.ROOT.relativize(file), Files.readAllLines(file)));
        }
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }
    return sources;
  }

  private record Source(Path path, List<String> lines) {
    boolean isMain() {
      return path.getName(2).toString().equals("main");
    }

    /** The lines that {@code found} accepts, each as file:number. */
    Stream<String> places(java.util.function.IntPredicate found) {
      return IntStream.range(0, lines.size()).filter(found).mapToObj(i -> path + ":" + (i + 1));
    }
  }
}
