package dev.diopter.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

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

/**
 * The switches of the fake CUDA driver in src/test/native, which the environment of these tests
 * puts in the place of NVIDIA's.
 */
final class FakeDriver {
  static final int OUT_OF_MEMORY = 2;
  static final int NOT_FOUND = 500;
  static final int ILLEGAL_ADDRESS = 700;

  private FakeDriver() {}

  static Path folder() {
    return Path.of(System.getProperty("diopter.fakeCuda"));
  }

  /** Skips where the fake could not be built; fails instead where {@code DIOPTER_CI} is set. */
  static void require() {
    boolean present = Files.exists(folder().resolve("libkernels.so"));
    if (System.getenv("DIOPTER_CI") != null) {
      assertThat(present).as("the fake CUDA driver is required here; g++ makes it").isTrue();
    }
    if (!present) {
      System.out.println("no fake CUDA driver (no g++ on x86-64 Linux): its tests are skipped");
    }
    Assumptions.assumeTrue(present, "no fake CUDA driver");
  }

  /** The backend on the fake driver and nothing else, with its defaults and no counts. */
  static CudaBackend open() {
    require();
    for (String name :
        new String[] {"EMU_ASYNC", "EMU_ORDER", "EMU_MEM_MB", "EMU_DEVICES", "EMU_DRIVER"}) {
      set(name, "");
    }
    reset();
    CudaBackend backend = CudaBackend.open(CudaPrecision.FLOAT32);
    assertThat(backend.describe()).contains("Fake CUDA device");
    return backend;
  }

  static void set(String name, String value) {
    call("emu_set", null, name, value);
  }

  static void reset() {
    call("emu_reset", null);
  }

  /** Calls of a function since the last reset; of a kernel as "cuLaunchKernel name". */
  static long count(String name) {
    return (long) call("emu_count", ValueLayout.JAVA_LONG, name);
  }

  /** Objects of a kind that exist: device, host, stream, event, module, cublas, context. */
  static long live(String kind) {
    return (long) call("emu_live", ValueLayout.JAVA_LONG, kind);
  }

  /** Lets the next call but {@code skip} fail with a code. */
  static void fail(String name, long skip, int code) {
    call("emu_fail", null, name, skip, code);
  }

  @SuppressWarnings("restricted")
  private static Object call(String name, ValueLayout result, Object... arguments) {
    try (Arena arena = Arena.ofConfined()) {
      ValueLayout[] layouts = new ValueLayout[arguments.length];
      Object[] values = new Object[arguments.length];
      for (int i = 0; i < arguments.length; i++) {
        values[i] = arguments[i] instanceof String text ? arena.allocateFrom(text) : arguments[i];
        layouts[i] =
            switch (values[i]) {
              case MemorySegment _ -> ValueLayout.ADDRESS;
              case Long _ -> ValueLayout.JAVA_LONG;
              default -> ValueLayout.JAVA_INT;
            };
      }
      FunctionDescriptor type =
          result == null
              ? FunctionDescriptor.ofVoid(layouts)
              : FunctionDescriptor.of(result, layouts);
      MemorySegment address =
          SymbolLookup.libraryLookup("libcuda.so.1", Arena.global()).findOrThrow(name);
      MethodHandle handle = Linker.nativeLinker().downcallHandle(address, type);
      return handle.invokeWithArguments(values);
    } catch (Throwable e) {
      throw new AssertionError("the fake driver's " + name, e);
    }
  }
}
