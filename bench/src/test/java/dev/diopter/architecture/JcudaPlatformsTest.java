package dev.diopter.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * JCuda chooses its native libraries by the machine's processor, and where it has none, such as on
 * Linux on ARM or on macOS, nothing resolves. So nothing may bring its choice along.
 */
class JcudaPlatformsTest {
  private static List<Element> jcuda(Path pom) throws Exception {
    NodeList all =
        DocumentBuilderFactory.newDefaultInstance()
            .newDocumentBuilder()
            .parse(pom.toFile())
            .getElementsByTagName("dependency");
    List<Element> found = new ArrayList<>();
    for (int i = 0; i < all.getLength(); i++) {
      Element dependency = (Element) all.item(i);
      if (text(dependency, "groupId").getFirst().equals("org.jcuda")) {
        found.add(dependency);
      }
    }
    return found;
  }

  private static List<String> text(Element element, String name) {
    NodeList all = element.getElementsByTagName(name);
    List<String> found = new ArrayList<>();
    for (int i = 0; i < all.getLength(); i++) {
      found.add(all.item(i).getTextContent());
    }
    return found;
  }

  @Test
  void natives_areNamedWithAFixedClassifierAndBroughtByNobodyElse() throws Exception {
    List<Path> poms =
        Stream.concat(Stream.of(Repository.ROOT), Repository.modules().stream())
            .map(folder -> folder.resolve("pom.xml"))
            .toList();
    int seen = 0;
    for (Path pom : poms) {
      boolean manages = pom.getParent().equals(Repository.ROOT);
      for (Element one : jcuda(pom)) {
        String name = text(one, "artifactId").getFirst();
        if (name.endsWith("-natives")) {
          assertThat(text(one, "classifier")).as(name).containsExactly("${jcuda.platform}");
        } else if (manages) {
          List<String> excluded = text(one, "artifactId");
          assertThat(excluded).as(name).contains("jcuda-natives", name + "-natives");
        } else {
          assertThat(text(one, "version")).as(name + " is managed above").isEmpty();
        }
        seen++;
      }
    }
    assertThat(seen).isGreaterThanOrEqualTo(8);
  }
}
