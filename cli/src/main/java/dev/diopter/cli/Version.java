package dev.diopter.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The version of this build, from what Maven puts into the jar. */
final class Version implements IVersionProvider {
  private static final String RESOURCE = "/META-INF/maven/dev.diopter/diopter-cli/pom.properties";

  @Override
  public String[] getVersion() {
    return new String[] {"diopter " + current()};
  }

  /** The version, or {@code development} where the classes do not come from a jar. */
  static String current() {
    try (InputStream in = Version.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        return "development";
      }
      Properties properties = new Properties();
      properties.load(in);
      return properties.getProperty("version", "development");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
