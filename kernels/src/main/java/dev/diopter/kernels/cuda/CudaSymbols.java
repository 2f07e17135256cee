package dev.diopter.kernels.cuda;

import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The system's CUDA libraries, looked at before JCuda is touched: a library that is not there is
 * found at once, and a function that is not there would end the process when it is called.
 */
final class CudaSymbols {
  static final boolean WINDOWS = System.getProperty("os.name").startsWith("Windows");
  static final String DRIVER = WINDOWS ? "nvcuda.dll" : "libcuda.so.1";
  static final String BLAS = WINDOWS ? "cublas64_12.dll" : "libcublas.so.12";
  static final String NEWER_BLAS = WINDOWS ? "cublas64_13.dll" : "libcublas.so.13";

  /** Every function of the driver that this package calls. */
  private static final List<String> DRIVER_FUNCTIONS =
      List.of(
          "cuInit",
          "cuDriverGetVersion",
          "cuDeviceGet",
          "cuDeviceGetCount",
          "cuDeviceGetName",
          "cuDeviceGetAttribute",
          "cuDevicePrimaryCtxRetain",
          "cuDevicePrimaryCtxRelease_v2",
          "cuCtxSetCurrent",
          "cuStreamCreate",
          "cuStreamSynchronize",
          "cuStreamDestroy_v2",
          "cuEventCreate",
          "cuEventRecord",
          "cuEventSynchronize",
          "cuEventDestroy_v2",
          "cuModuleLoadData",
          "cuModuleGetFunction",
          "cuModuleUnload",
          "cuLaunchKernel",
          "cuMemAlloc_v2",
          "cuMemFree_v2",
          "cuMemAllocHost_v2",
          "cuMemFreeHost",
          "cuMemGetInfo_v2",
          "cuMemcpyHtoDAsync_v2",
          "cuMemcpyDtoHAsync_v2",
          "cuMemcpyDtoDAsync_v2",
          "cuMemsetD32Async");

  private static final List<String> BLAS_FUNCTIONS =
      List.of(
          "cublasCreate_v2",
          "cublasDestroy_v2",
          "cublasGetVersion_v2",
          "cublasSetStream_v2",
          "cublasGemmEx");

  private CudaSymbols() {}

  /** Folders of the distributions where libraries lie. */
  private static final List<String> FOLDERS =
      List.of("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/lib/wsl/lib");

  /** Where a machine with a driver has something: the kernel module's files. */
  private static final List<String> TRACES =
      List.of("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/dxg");

  /** The driver's functions; null where there is no driver. */
  static @Nullable SymbolLookup driver() {
    return WINDOWS || hasTraces() ? library(DRIVER) : null;
  }

  /** A look at some files costs next to nothing; asking the linker makes the JVM load much. */
  private static boolean hasTraces() {
    for (String trace : TRACES) {
      if (new File(trace).exists()) {
        return true;
      }
    }
    return file(DRIVER) != null;
  }

  /**
   * Where a library lies that the linker may find; null where it is in none of the usual folders.
   */
  static @Nullable Path file(String library) {
    for (String folder : FOLDERS) {
      File file = new File(folder, library);
      if (file.exists()) {
        return file.toPath();
      }
    }
    String folders = System.getenv("LD_LIBRARY_PATH");
    for (int from = 0; folders != null && from <= folders.length(); ) {
      int colon = folders.indexOf(':', from);
      int to = colon < 0 ? folders.length() : colon;
      File file = new File(folders.substring(from, to), library);
      if (file.exists()) {
        return file.getAbsoluteFile().toPath();
      }
      from = to + 1;
    }
    return null;
  }

  /** The functions of cuBLAS 12; null where there is none. */
  static @Nullable SymbolLookup blas() {
    return library(BLAS);
  }

  @SuppressWarnings("restricted") // Looks at what JCuda is about to load.
  static @Nullable SymbolLookup library(String name) {
    try {
      return SymbolLookup.libraryLookup(name, Arena.global());
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /** The first function that the driver lacks. */
  static Optional<String> missingFromDriver(SymbolLookup driver) {
    return missing(driver, DRIVER_FUNCTIONS);
  }

  /** The first function that cuBLAS lacks. */
  static Optional<String> missingFromBlas(SymbolLookup blas) {
    return missing(blas, BLAS_FUNCTIONS);
  }

  private static Optional<String> missing(SymbolLookup library, List<String> functions) {
    return functions.stream().filter(name -> library.find(name).isEmpty()).findFirst();
  }
}
