package dev.diopter.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import jcuda.LibUtils;

/**
 * Puts JCuda's native libraries into a folder of the user's own, each complete or not at all. JCuda
 * itself would write them into the folder for temporary files, without a lock, and load whatever
 * lies there under their names: two programs that start together can crash, and another user could
 * have put a library there.
 */
final class CudaNatives {
  private static final String VERSION = "12.6.0";
  private static final List<String> LIBRARIES = List.of("JCudaDriver", "JCublas2");
  private static final String TEMPORARY = "java.io.tmpdir";
  private static final Set<PosixFilePermission> OTHERS_WRITE =
      Set.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);

  private CudaNatives() {}

  /**
   * Where the libraries go: {@code diopter.cuda.natives}, or a folder in the user's cache.
   *
   * @throws IOException if nothing says where that is
   */
  static Path folder() throws IOException {
    String named = System.getProperty("diopter.cuda.natives");
    if (named != null) {
      return Path.of(named);
    }
    String cache = System.getenv("XDG_CACHE_HOME");
    if (cache != null && !cache.isBlank()) {
      return inCache(Path.of(cache));
    }
    // Java says "?" where the system knows no home.
    String home = System.getProperty("user.home");
    if (home == null || home.isBlank() || home.equals("?")) {
      throw new IOException("neither XDG_CACHE_HOME nor a home folder says where they may lie");
    }
    return inCache(Path.of(home, ".cache"));
  }

  private static Path inCache(Path base) {
    return base.resolve("diopter").resolve("jcuda-" + VERSION);
  }

  /**
   * Unpacks the libraries, and runs what makes JCuda load them.
   *
   * @throws IOException if the folder cannot be used or is not safe
   */
  static void load(Path folder, Runnable touch) throws IOException {
    prepare(folder);
    for (String library : LIBRARIES) {
      unpack(folder, library);
    }
    // The one way to tell JCuda where its libraries are.
    synchronized (CudaNatives.class) {
      String before = System.getProperty(TEMPORARY);
      System.setProperty(TEMPORARY, folder.toString());
      try {
        touch.run();
      } finally {
        if (before == null) {
          System.clearProperty(TEMPORARY);
        } else {
          System.setProperty(TEMPORARY, before);
        }
      }
    }
  }

  private static void prepare(Path folder) throws IOException {
    boolean posix = FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      Path parent = folder.toAbsolutePath().getParent();
      if (parent != null) {
        Files.createDirectories(parent);
      }
      if (posix) {
        createOwn(folder);
      } else {
        Files.createDirectories(folder);
      }
    }
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException(folder + " is not a folder");
    }
    if (posix) {
      checkOwn(folder);
    }
  }

  private static void createOwn(Path folder) throws IOException {
    try {
      Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (java.nio.file.FileAlreadyExistsException e) {
      // Another program has just made it; what it is will be checked.
    }
  }

  /** The folder is the user's, and nobody else writes to it. */
  private static void checkOwn(Path folder) throws IOException {
    Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(folder);
    if (permissions.stream().anyMatch(OTHERS_WRITE::contains)) {
      throw new IOException(folder + " can be written by other users: chmod 700 it, or remove it");
    }
    Path probe = Files.createTempFile(folder, "probe", ".part");
    try {
      if (!Files.getOwner(probe).equals(Files.getOwner(folder))) {
        throw new IOException(folder + " belongs to " + Files.getOwner(folder) + ": remove it");
      }
    } finally {
      Files.delete(probe);
    }
  }

  private static void unpack(Path folder, String library) throws IOException {
    String name =
        LibUtils.createLibraryFileName(LibUtils.createPlatformLibraryName(library + "-" + VERSION));
    byte[] content;
    try (InputStream in = CudaNatives.class.getResourceAsStream("/lib/" + name)) {
      if (in == null) {
        throw new IOException(
            "JCuda's library %s is not on the class path, where JCuda's jars belong (not on the module path)"
                .formatted(name));
      }
      content = in.readAllBytes();
    }
    Path target = folder.resolve(name);
    if (Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)
        && Files.size(target) == content.length
        && Arrays.equals(Files.readAllBytes(target), content)) {
      return;
    }
    Path part = Files.createTempFile(folder, library, ".part");
    try {
      Files.write(part, content);
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(part);
    }
  }
}
