package dev.diopter.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;

/**
 * No jar holds Kotlin, not even one that hides it under names of its own (the enforcer sees
 * coordinates only). Reads the class paths that the build wrote down, one of each module, tests
 * included.
 */
class NoKotlinTest {
  // JUnit's own extensions for Kotlin: these entries of its jars, without a dependency on Kotlin.
  private static final Pattern EXCEPTION =
      Pattern.compile(
          "junit-jupiter-(api|params)-[\\d.]+\\.jar!(META-INF/junit-jupiter-\\w+\\.kotlin_module|org/junit/jupiter/(api|params)/(\\w+/)*\\w+Kt\\.class)");
  private static final Pattern KOTLIN =
      Pattern.compile("META-INF/.*\\.kotlin_module|(.*/)?kotlinx?/.*\\.class|(.*/)?\\w+Kt\\.class");

  @Test
  void noJarOfAnyModule_holdsKotlin() throws IOException {
    TreeSet<Path> jars = new TreeSet<>();
    for (Path module : Repository.modules()) {
      Path list =
          module.resolve(System.getProperty("diopter.target")).resolve("test-classpath.txt");
      if (Files.exists(list)) {
        Stream.of(Files.readString(list).strip().split(File.pathSeparator))
            .filter(entry -> entry.endsWith(".jar"))
            .forEach(entry -> jars.add(Path.of(entry)));
      }
    }
    assertThat(jars).hasSizeGreaterThan(20);
    assertThat(jars).allSatisfy(jar -> assertThat(kotlinIn(jar)).as(jar.toString()).isEmpty());
  }

  private static List<String> kotlinIn(Path jar) throws IOException {
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      return zip.stream()
          .map(ZipEntry::getName)
          .filter(KOTLIN.asMatchPredicate())
          .filter(name -> !EXCEPTION.matcher(jar.getFileName() + "!" + name).matches())
          .limit(3)
          .toList();
    }
  }
}
