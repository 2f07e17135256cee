package dev.diopter.kernels.cuda;

import dev.diopter.kernels.BackendException;
import java.io.IOException;
import java.lang.foreign.SymbolLookup;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import jcuda.driver.CUdevice;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import org.jspecify.annotations.Nullable;

/**
 * Whether this machine can run the CUDA backend, or the first thing that it lacks. Cheap where
 * there is no driver: nothing of JCuda is loaded then.
 *
 * @param usable whether it can
 * @param detail the device's name, or what is missing
 * @param advice what to do; empty where nothing is missing
 * @param mendable whether there is a driver and what is missing can be put right: worth a word even
 *     where nobody asked for a GPU
 */
public record CudaProbe(boolean usable, String detail, String advice, boolean mendable) {
  private static final int OLDEST_DRIVER = 12000;
  private static final int OLDEST_CAPABILITY = 75;
  private static final String INSTALL_DRIVER =
      "install NVIDIA's driver, release 525 or newer (nvidia-smi shows it)";
  private static final String INSTALL_BLAS =
      "install cuBLAS 12: a CUDA 12 toolkit, the package libcublas12 of Debian or Ubuntu, or pip install"
          + " nvidia-cublas-cu12; where it is outside the linker's folders, name its folder in"
          + " DIOPTER_CUDA_LIBS";

  /** Makes the probe once; a library that failed to load does not load later. */
  private static final class Holder {
    private static final CudaProbe PROBE = make();
  }

  /** The result for this process, made at the first call. */
  public static CudaProbe cached() {
    return Holder.PROBE;
  }

  /**
   * Does nothing where the backend can run.
   *
   * @throws BackendException where it cannot, with what is missing and what to do
   */
  public static void require() {
    CudaProbe probe = cached();
    if (!probe.usable) {
      throw new BackendException(probe.detail + "; " + probe.advice);
    }
  }

  private static CudaProbe make() {
    String system = System.getProperty("os.name");
    String processor = System.getProperty("os.arch");
    boolean hasLibraries = system.equals("Linux") || CudaSymbols.WINDOWS;
    if (!hasLibraries || !(processor.equals("amd64") || processor.equals("x86_64"))) {
      return hasNoGpu(
          "JCuda has no libraries for %s on %s".formatted(system, processor),
          "the CUDA backend needs Linux or Windows on x86-64");
    }
    SymbolLookup driver = CudaSymbols.driver();
    if (driver == null) {
      Path broken = CudaSymbols.file(CudaSymbols.DRIVER);
      if (broken != null) {
        return lacks(
            "the NVIDIA driver cannot be loaded: " + reasonNotToLoad(broken), INSTALL_DRIVER);
      }
      // The way of every start without a GPU: formatting would take longer than looking.
      return hasNoGpu(
          "no NVIDIA driver: ".concat(CudaSymbols.DRIVER).concat(" was not found"), INSTALL_DRIVER);
    }
    Optional<String> missing = CudaSymbols.missingFromDriver(driver);
    if (missing.isPresent()) {
      return lacks(
          "the NVIDIA driver is too old or damaged: %s lacks %s"
              .formatted(CudaSymbols.DRIVER, missing.get()),
          INSTALL_DRIVER);
    }
    try {
      return devices();
    } catch (LinkageError | RuntimeException e) {
      String why = reason(e);
      return lacks(
          "JCuda's libraries cannot be loaded: " + why,
          why.contains("cublas") ? INSTALL_BLAS : INSTALL_DRIVER);
    }
  }

  private static CudaProbe devices() {
    CudaProbe problem = load(() -> CudaCalls.result(() -> JCudaDriver.cuInit(0)));
    if (problem == null) {
      problem = driver();
    }
    if (problem == null) {
      problem = blas();
    }
    if (problem == null) {
      problem = load(() -> JCublas2.setExceptionsEnabled(false));
    }
    if (problem != null) {
      return problem;
    }
    CUdevice device = new CUdevice();
    CudaCalls.result(() -> JCudaDriver.cuDeviceGet(device, 0));
    int capability = CudaDevice.capability(device);
    if (capability < OLDEST_CAPABILITY) {
      return hasNoGpu(
          "%s has compute capability %d.%d, 7.5 (Turing) is needed"
              .formatted(CudaDevice.name(device), capability / 10, capability % 10),
          "use --backend cpu; where there is a newer GPU, CUDA_VISIBLE_DEVICES chooses it");
    }
    return new CudaProbe(true, CudaDevice.name(device), "", false);
  }

  /** What the driver lacks, or null. */
  private static @Nullable CudaProbe driver() {
    int result = CudaCalls.result(() -> JCudaDriver.cuInit(0));
    if (result == CUresult.CUDA_ERROR_NO_DEVICE) {
      return noDevice();
    }
    if (result != CUresult.CUDA_SUCCESS) {
      return lacks(
          "the NVIDIA driver does not start: cuInit says " + CUresult.stringFor(result),
          adviceToStart(result));
    }
    int[] version = {0};
    CudaCalls.result(() -> JCudaDriver.cuDriverGetVersion(version));
    if (version[0] < OLDEST_DRIVER) {
      return lacks(
          "the NVIDIA driver is too old: it supports CUDA %s, 12.0 is needed"
              .formatted(CudaDevice.version(version[0])),
          INSTALL_DRIVER);
    }
    int[] count = {0};
    CudaCalls.result(() -> JCudaDriver.cuDeviceGetCount(count));
    return count[0] == 0 ? noDevice() : null;
  }

  private static String adviceToStart(int result) {
    return switch (result) {
      case CUresult.CUDA_ERROR_STUB_LIBRARY ->
          "this libcuda is the CUDA toolkit's stub: take its folder out of LD_LIBRARY_PATH";
      case CUresult.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH ->
          "the driver's library and its kernel module differ: after an update of the driver, restart"
              + " the machine";
      case CUresult.CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE ->
          "this libcuda is of CUDA's compatibility package, which this GPU does not allow: take its"
              + " folder out of LD_LIBRARY_PATH, or remove the package";
      default -> "see what nvidia-smi says; after an update of the driver, restart the machine";
    };
  }

  private static CudaProbe noDevice() {
    return hasNoGpu(
        "the NVIDIA driver sees no GPU",
        "check nvidia-smi and CUDA_VISIBLE_DEVICES; a container must be started with its GPUs");
  }

  /** What cuBLAS lacks, or null. */
  private static @Nullable CudaProbe blas() {
    String folder = System.getenv("DIOPTER_CUDA_LIBS");
    if (folder != null && !folder.isBlank()) {
      CudaProbe problem = preload(Path.of(folder));
      if (problem != null) {
        return problem;
      }
    }
    SymbolLookup blas = CudaSymbols.blas();
    if (blas == null) {
      Path broken = CudaSymbols.file(CudaSymbols.BLAS);
      if (broken != null) {
        return lacks("cuBLAS 12 cannot be loaded: " + reasonNotToLoad(broken), INSTALL_BLAS);
      }
      return CudaSymbols.library(CudaSymbols.NEWER_BLAS) == null
          ? lacks("no cuBLAS 12: %s was not found".formatted(CudaSymbols.BLAS), INSTALL_BLAS)
          : lacks(
              "no cuBLAS 12: this machine has that of CUDA 13 (%s), which JCuda 12 cannot use"
                  .formatted(CudaSymbols.NEWER_BLAS),
              INSTALL_BLAS + "; it can be installed beside CUDA 13");
    }
    return CudaSymbols.missingFromBlas(blas)
        .map(name ->
            lacks("cuBLAS is damaged: %s lacks %s".formatted(CudaSymbols.BLAS, name), INSTALL_BLAS))
        .orElse(null);
  }

  /** Loads cuBLAS from a folder; what is loaded is found by its name afterwards. */
  @SuppressWarnings("restricted")
  private static @Nullable CudaProbe preload(Path folder) {
    String light = CudaSymbols.WINDOWS ? "cublasLt64_12.dll" : "libcublasLt.so.12";
    try {
      Path inner = folder.resolve(light);
      if (Files.exists(inner)) {
        System.load(inner.toAbsolutePath().toString());
      }
      System.load(folder.resolve(CudaSymbols.BLAS).toAbsolutePath().toString());
      return null;
    } catch (UnsatisfiedLinkError e) {
      return lacks(
          "DIOPTER_CUDA_LIBS: no %s can be loaded from %s: %s"
              .formatted(CudaSymbols.BLAS, folder, reason(e)),
          INSTALL_BLAS);
    }
  }

  private static @Nullable CudaProbe load(Runnable touch) {
    try {
      CudaNatives.load(CudaNatives.folder(), touch);
      return null;
    } catch (IOException e) {
      String why =
          e instanceof FileSystemException file && file.getReason() == null
              ? file.getFile() + " cannot be written"
              : String.valueOf(e.getMessage());
      return lacks(
          "JCuda's libraries cannot be unpacked: " + why,
          "-Ddiopter.cuda.natives=FOLDER names another folder (DIOPTER_JAVA_OPTIONS of the launcher)");
    }
  }

  private static CudaProbe lacks(String what, String advice) {
    return new CudaProbe(false, what, advice, true);
  }

  /** A machine that nobody expects to compute on a GPU. */
  private static CudaProbe hasNoGpu(String what, String advice) {
    return new CudaProbe(false, what, advice, false);
  }

  /** What the linker says of a library that is there and was not loaded. */
  @SuppressWarnings("restricted")
  private static String reasonNotToLoad(Path library) {
    try {
      System.load(library.toString());
      return library + " was not there a moment ago";
    } catch (UnsatisfiedLinkError e) {
      return reason(e);
    }
  }

  /** The last line that names a library says which one is missing. */
  private static String reason(Throwable e) {
    Throwable cause = e.getCause() == null ? e : e.getCause();
    return String.valueOf(cause.getMessage())
        .lines()
        .filter(line -> line.contains(".so") || line.contains(".dll"))
        .reduce((first, second) -> second)
        .orElse(cause.toString())
        .strip();
  }
}
