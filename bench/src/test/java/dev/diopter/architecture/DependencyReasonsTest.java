package dev.diopter.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Each dependency and plugin of the poms has its reason in {@code docs/dependencies.md}. */
class DependencyReasonsTest {
  private static final Pattern ARTIFACT = Pattern.compile("<artifactId>([^<*]+)</artifactId>");

  @Test
  void everyArtifactOfThePoms_hasAReason() throws IOException {
    TreeSet<String> artifacts = new TreeSet<>();
    List<Path> poms =
        Stream.concat(Stream.of(Repository.ROOT), Repository.modules().stream())
            .map(folder -> folder.resolve("pom.xml"))
            .toList();
    for (Path pom : poms) {
      Matcher matcher = ARTIFACT.matcher(Files.readString(pom));
      while (matcher.find()) {
        artifacts.add(matcher.group(1));
      }
    }
    assertThat(artifacts).contains("jackson-databind", "maven-enforcer-plugin");
    artifacts.removeIf(artifact -> artifact.startsWith("diopter-"));
    String page = Files.readString(Repository.ROOT.resolve("docs/dependencies.md"));
    assertThat(artifacts.stream().filter(artifact -> !page.contains(artifact))).isEmpty();
  }
}
