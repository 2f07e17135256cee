package dev.diopter.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * An OpenBLAS that lies on this machine, called through {@code java.lang.foreign}: the library that
 * the system property {@value #PROPERTY} names, else the system's own. The builds that numpy's
 * wheels carry ({@code numpy.libs/libscipy_openblas64_*.so}) count in 64 bits and name their
 * functions otherwise; both kinds are known.
 *
 * <p>Its number of threads belongs to the process: one user at a time.
 */
@SuppressWarnings("restricted") // calls into a native library are what this class is for
final class OpenBlas {
  /** The system property with the library's path. */
  static final String PROPERTY = "diopter.bench.openblas";

  private static final int ROW_MAJOR = 101;
  private static final int NO_TRANSPOSE = 111;

  /** How a build names its functions, and whether it counts in 64 bits. */
  private record Dialect(String prefix, String suffix, boolean wide) {}

  private static final List<Dialect> DIALECTS =
      List.of(
          new Dialect("scipy_", "64_", true),
          new Dialect("", "64_", true),
          new Dialect("scipy_", "", false),
          new Dialect("", "", false));

  private final String description;
  private final boolean wide;
  private final MethodHandle product;
  private final MethodHandle threads;

  private OpenBlas(SymbolLookup library, Dialect dialect) {
    wide = dialect.wide();
    MemoryLayout count = wide ? JAVA_LONG : JAVA_INT;
    product =
        handle(
            library,
            dialect,
            "cblas_sgemm",
            FunctionDescriptor.ofVoid(
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                count,
                count,
                count,
                JAVA_FLOAT,
                ADDRESS,
                count,
                ADDRESS,
                count,
                JAVA_FLOAT,
                ADDRESS,
                count));
    threads =
        handle(library, dialect, "openblas_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT));
    MethodHandle config =
        handle(library, dialect, "openblas_get_config", FunctionDescriptor.of(ADDRESS));
    description = text(config);
  }

  /**
   * Opens the library; it stays loaded.
   *
   * @throws IllegalStateException if there is none, with what to do
   */
  static OpenBlas open() {
    String path = System.getProperty(PROPERTY, "");
    SymbolLookup library;
    try {
      library =
          path.isEmpty()
              ? SymbolLookup.libraryLookup("libopenblas.so.0", Arena.global())
              : SymbolLookup.libraryLookup(Path.of(path).toAbsolutePath(), Arena.global());
    } catch (IllegalArgumentException e) {
      throw new IllegalStateException(
          "no OpenBLAS found%s: name its library with -D%s=PATH, for example numpy.libs/libscipy_openblas64_*.so of an installed numpy"
              .formatted(path.isEmpty() ? "" : " at " + path, PROPERTY),
          e);
    }
    for (Dialect dialect : DIALECTS) {
      if (library.find(dialect.prefix() + "cblas_sgemm" + dialect.suffix()).isPresent()) {
        return new OpenBlas(library, dialect);
      }
    }
    throw new IllegalStateException("expected cblas_sgemm in " + path + ", found none");
  }

  /** The library, or nothing where there is none. */
  static Optional<OpenBlas> find() {
    try {
      return Optional.of(open());
    } catch (IllegalStateException e) {
      System.err.println(e.getMessage());
      return Optional.empty();
    }
  }

  private static MethodHandle handle(
      SymbolLookup library, Dialect dialect, String name, FunctionDescriptor type) {
    MemorySegment address = library.findOrThrow(dialect.prefix() + name + dialect.suffix());
    return Linker.nativeLinker().downcallHandle(address, type);
  }

  private static String text(MethodHandle call) {
    try {
      MemorySegment found = (MemorySegment) call.invokeExact();
      return found.reinterpret(1024).getString(0);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Version, options and the core that it computes for. */
  String description() {
    return description;
  }

  /** How many threads compute from now on. */
  void threads(int count) {
    try {
      threads.invokeExact(count);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** {@code c = a b}: a [m, k], b [k, n], c [m, n], rows without gaps. */
  void multiply(MemorySegment a, MemorySegment b, MemorySegment c, int m, int n, int k) {
    int order = ROW_MAJOR;
    int plain = NO_TRANSPOSE;
    try {
      if (wide) {
        product.invokeExact(
            order, plain, plain, (long) m, (long) n, (long) k, 1f, a, (long) k, b, (long) n, 0f, c,
            (long) n);
      } else {
        product.invokeExact(order, plain, plain, m, n, k, 1f, a, k, b, n, 0f, c, n);
      }
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
