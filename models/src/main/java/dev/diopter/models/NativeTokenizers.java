package dev.diopter.models;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.diopter.formats.OneLine;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Loads the native library of the Hugging Face tokenizers that comes inside of DJL's jar, and
 * nothing else of DJL.
 *
 * <p>DJL's own way in, {@code HuggingFaceTokenizer}, looks for CUDA, reports home unless told not
 * to, may fetch another library from the network, asks for a logger, and truncates texts at 512
 * tokens by default. Calling the binding below it does none of this and is ready in 6 ms instead of
 * 75 to 140 ms.
 *
 * <p>The library is unpacked once, into DJL's usual place: {@code tokenizers/VERSION} below {@code
 * ENGINE_CACHE_DIR}, {@code DJL_CACHE_DIR} or {@code ~/.djl.ai}; where none of these can be
 * written, into a private temporary folder.
 */
final class NativeTokenizers {
  private static final String PROPERTIES = "/native/lib/tokenizers.properties";

  private NativeTokenizers() {}

  private static final class Holder {
    static final @Nullable String FAILURE = tryLoad();
  }

  /**
   * The binding, loaded.
   *
   * @throws ModelException where there is no library for this machine
   */
  static TokenizersLibrary library() {
    if (Holder.FAILURE != null) {
      throw new ModelException(
          "expected a native tokenizer library for %s, found none that loads (%s); give token ids instead of text"
              .formatted(platform(), Holder.FAILURE));
    }
    return TokenizersLibrary.LIB;
  }

  private static @Nullable String tryLoad() {
    try {
      load();
      return null;
    } catch (IOException | UnsatisfiedLinkError e) {
      return OneLine.brief(e.getMessage());
    }
  }

  private static void load() throws IOException {
    Path folder = cacheFolder();
    if (folder != null) {
      try {
        loadFrom(folder);
        return;
      } catch (IOException | UnsatisfiedLinkError e) {
        // The cache cannot be written, or holds something broken: a fresh copy decides.
      }
    }
    Path fresh = Files.createTempDirectory("diopter-tokenizers");
    fresh.toFile().deleteOnExit();
    for (String name : libraries()) {
      fresh.resolve(name).toFile().deleteOnExit();
    }
    loadFrom(fresh);
  }

  @SuppressWarnings("restricted") // The launcher and the build enable native access.
  private static void loadFrom(Path folder) throws IOException {
    for (String name : libraries()) {
      URL resource =
          TokenizersLibrary.class.getResource("/native/lib/" + platform() + "/cpu/" + name);
      if (resource == null) {
        throw new IOException("not in the jar");
      }
      Path file = folder.resolve(name).toAbsolutePath();
      unpack(resource, folder.toAbsolutePath(), file);
      System.load(file.toString());
    }
  }

  /**
   * Under another name first, so that another process never loads half a library. A copy of another
   * size, which an older interrupted program may have left, is replaced.
   */
  private static void unpack(URL resource, Path folder, Path file) throws IOException {
    URLConnection connection = resource.openConnection();
    long size = connection.getContentLengthLong();
    if (Files.exists(file) && (size < 0 || Files.size(file) == size)) {
      return;
    }
    Files.createDirectories(folder);
    Path part = folder.resolve("%08x.part".formatted(ThreadLocalRandom.current().nextInt()));
    try (InputStream in = connection.getInputStream()) {
      Files.copy(in, part);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static @Nullable Path cacheFolder() throws IOException {
    Properties properties = new Properties();
    try (InputStream in = TokenizersLibrary.class.getResourceAsStream(PROPERTIES)) {
      if (in == null) {
        return null;
      }
      properties.load(in);
    }
    String version = properties.getProperty("version", "unknown") + "-cpu-" + platform();
    for (String name : new String[] {"ENGINE_CACHE_DIR", "DJL_CACHE_DIR"}) {
      String given = System.getenv(name) != null ? System.getenv(name) : System.getProperty(name);
      if (given != null && !given.isEmpty()) {
        return Path.of(given, "tokenizers", version);
      }
    }
    String home = System.getProperty("user.home", "");
    return home.isEmpty() || home.equals("?")
        ? null
        : Path.of(home, ".djl.ai", "tokenizers", version);
  }

  private static String[] libraries() {
    String own = System.mapLibraryName("tokenizers");
    return platform().startsWith("win")
        ? new String[] {"libwinpthread-1.dll", "libgcc_s_seh-1.dll", "libstdc++-6.dll", own}
        : new String[] {own};
  }

  private static String platform() {
    String os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
    String family = os.startsWith("win") ? "win" : os.startsWith("mac") ? "osx" : "linux";
    return family
        + "-"
        + (arch.equals("amd64") ? "x86_64" : arch.equals("arm64") ? "aarch64" : arch);
  }
}
