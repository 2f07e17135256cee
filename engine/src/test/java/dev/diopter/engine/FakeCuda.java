package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Backends;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** The fake CUDA driver of kernels' tests, where it could be built, and what it counted. */
final class FakeCuda {
  private FakeCuda() {}

  /** Skips where the fake could not be built; fails instead where {@code DIOPTER_CI} is set. */
  static void require() {
    boolean present = isPresent();
    if (System.getenv("DIOPTER_CI") != null) {
      assertThat(present).as("the fake CUDA driver is required here; g++ makes it").isTrue();
    }
    if (!present) {
      System.out.println("no fake CUDA driver (no g++ on x86-64 Linux): its tests are skipped");
    }
    Assumptions.assumeTrue(present, "no fake CUDA driver");
    try (Backend backend = Backends.open("cuda", 0)) {
      assertThat(backend.describe()).contains("Fake CUDA device");
    }
  }

  private static boolean isPresent() {
    return Files.exists(Path.of(System.getProperty("diopter.fakeCuda"), "libkernels.so"));
  }

  /** A setting of the fake; nothing where there is none. */
  static void set(String name, String value) {
    if (!isPresent()) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      Functions.SET.invokeExact(arena.allocateFrom(name), arena.allocateFrom(value));
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static void reset() {
    try {
      Functions.RESET.invokeExact();
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Lets the next call but {@code skip} fail with a code. */
  static void fail(String name, long skip, int code) {
    try (Arena arena = Arena.ofConfined()) {
      Functions.FAIL.invokeExact(arena.allocateFrom(name), skip, code);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Calls of a function since the last reset; of a kernel as "cuLaunchKernel name". */
  static long count(String name) {
    return ask(Functions.COUNT, name);
  }

  /** Objects of a kind that exist now. */
  static long live(String kind) {
    return ask(Functions.LIVE, kind);
  }

  private static long ask(MethodHandle function, String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(name);
      return (long) function.invokeExact(text);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Found when they are first called, because there may be no fake. */
  private static final class Functions {
    static final MethodHandle COUNT =
        function("emu_count", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
    static final MethodHandle RESET = function("emu_reset", FunctionDescriptor.ofVoid());
    static final MethodHandle LIVE =
        function("emu_live", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
    static final MethodHandle FAIL =
        function(
            "emu_fail",
            FunctionDescriptor.ofVoid(
                ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    static final MethodHandle SET =
        function("emu_set", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.ADDRESS));

    @SuppressWarnings("restricted")
    private static MethodHandle function(String name, FunctionDescriptor type) {
      SymbolLookup library = SymbolLookup.libraryLookup("libcuda.so.1", Arena.global());
      return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type);
    }
  }
}
