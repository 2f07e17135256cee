package dev.diopter.formats;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/** Files beside these tests and at the root of the project. */
public final class Resources {
  private Resources() {}

  static InputStream open(String name) {
    return Resources.class.getResourceAsStream(name);
  }

  static byte[] bytes(String name) {
    try (InputStream in = open(name)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A file or folder below {@code fixtures}. */
  public static Path fixture(String name) {
    return Path.of(System.getProperty("diopter.root", ".."), "fixtures").resolve(name);
  }
}
