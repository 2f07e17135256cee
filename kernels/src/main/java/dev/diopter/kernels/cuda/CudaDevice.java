package dev.diopter.kernels.cuda;

import static dev.diopter.kernels.cuda.CudaCalls.check;
import static dev.diopter.kernels.cuda.CudaCalls.checkBlas;

import dev.diopter.kernels.BackendException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasGemmAlgo;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasOperation;
import jcuda.jcublas.cublasStatus;
import jcuda.runtime.cudaStream_t;

/** A context with its stream, cuBLAS and kernels. Lives on the CUDA thread, which alone uses it. */
final class CudaDevice {
  private static final String PTX = "kernels.ptx";
  private static final int NAME_BYTES = 256;

  private final CUdevice device = new CUdevice();
  private final CUstream stream = new CUstream();
  private final CUmodule module = new CUmodule();
  private final cublasHandle blas = new cublasHandle();
  private final Map<Kernel, CUfunction> kernels = new EnumMap<>(Kernel.class);
  private final Pointer one = Pointer.to(new float[] {1});
  private final Pointer zero = Pointer.to(new float[] {0});
  private final Launch launch = new Launch(stream);
  private final Staging staging = new Staging(stream);
  private boolean hasContext;
  private boolean hasStream;
  private boolean hasModule;
  private boolean hasBlas;

  private CudaDevice() {}

  /** Opens the first device; what was opened before a failure is closed. */
  static CudaDevice open() {
    CudaDevice opened = new CudaDevice();
    try {
      opened.start();
      return opened;
    } catch (CudaCalls.Failed e) {
      opened.close();
      throw new BackendException(
          "the GPU cannot be used: %s%s".formatted(e.getMessage(), advice(e)), e);
    } catch (RuntimeException | Error e) {
      opened.close();
      throw e;
    }
  }

  private static String advice(CudaCalls.Failed failure) {
    String message = String.valueOf(failure.getMessage());
    if (failure.memory() || message.contains("cublasCreate")) {
      return "; other programs may have taken its memory (nvidia-smi shows them)";
    }
    return message.contains("UNSUPPORTED_PTX") || message.contains("NO_BINARY")
        ? "; the GPU must have compute capability 7.5 or newer, the driver CUDA 12.0"
        : "";
  }

  private void start() {
    check(() -> JCudaDriver.cuInit(0), "cuInit");
    check(() -> JCudaDriver.cuDeviceGet(device, 0), "cuDeviceGet");
    CUcontext context = new CUcontext();
    check(() -> JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
    hasContext = true;
    check(() -> JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    check(
        () -> JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING),
        "cuStreamCreate");
    hasStream = true;
    check(() -> JCudaDriver.cuModuleLoadData(module, ptx()), "loading the kernels");
    hasModule = true;
    for (Kernel kernel : Kernel.values()) {
      CUfunction function = new CUfunction();
      check(
          () -> JCudaDriver.cuModuleGetFunction(function, module, kernel.symbol()),
          "finding kernel " + kernel.symbol());
      kernels.put(kernel, function);
    }
    checkBlas(() -> JCublas2.cublasCreate(blas), "cublasCreate");
    hasBlas = true;
    checkBlas(() -> JCublas2.cublasSetStream(blas, new cudaStream_t(stream)), "cublasSetStream");
  }

  /** The PTX with the zero at its end that the driver looks for. */
  private static byte[] ptx() {
    try (InputStream in = CudaDevice.class.getResourceAsStream(PTX)) {
      if (in == null) {
        throw new IllegalStateException("this build has no " + PTX);
      }
      byte[] text = in.readAllBytes();
      return Arrays.copyOf(text, text.length + 1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Name, compute capability and versions, for a person. */
  String describe() {
    int[] driver = {0};
    check(() -> JCudaDriver.cuDriverGetVersion(driver), "cuDriverGetVersion");
    int[] library = {0};
    checkBlas(() -> JCublas2.cublasGetVersion(blas, library), "cublasGetVersion");
    return "%s, compute capability %d.%d, driver for CUDA %s, cuBLAS %d.%d.%d"
        .formatted(
            name(device),
            capability(device) / 10,
            capability(device) % 10,
            version(driver[0]),
            library[0] / 10000,
            library[0] / 100 % 100,
            library[0] % 100);
  }

  /** 12060 as 12.6. */
  static String version(int number) {
    return number / 1000 + "." + number % 1000 / 10;
  }

  static String name(CUdevice device) {
    byte[] bytes = new byte[NAME_BYTES];
    check(() -> JCudaDriver.cuDeviceGetName(bytes, bytes.length, device), "cuDeviceGetName");
    int end = 0;
    while (end < bytes.length && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, 0, end, StandardCharsets.UTF_8).strip();
  }

  /** 7.5 as 75. */
  static int capability(CUdevice device) {
    return 10 * attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
        + attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  }

  private static int attribute(CUdevice device, int which) {
    int[] value = {0};
    check(() -> JCudaDriver.cuDeviceGetAttribute(value, which, device), "cuDeviceGetAttribute");
    return value[0];
  }

  Staging staging() {
    return staging;
  }

  /** Begins a launch's arguments. */
  Launch arguments() {
    return launch.start();
  }

  /** Launches with the arguments given. */
  void run(Kernel kernel, int gridX, int gridY, int block, int shared) {
    CUfunction function = kernels.get(kernel);
    if (function == null) {
      throw new IllegalStateException("no kernel " + kernel);
    }
    launch.run(function, kernel.symbol(), gridX, gridY, block, shared);
  }

  void copy(CUdeviceptr from, CUdeviceptr to, long bytes) {
    check(() -> JCudaDriver.cuMemcpyDtoDAsync(to, from, bytes, stream), "copy on the device");
  }

  /** Sets words of 32 bits. */
  void fill(CUdeviceptr target, int word, long words) {
    check(() -> JCudaDriver.cuMemsetD32Async(target, word, words, stream), "cuMemsetD32Async");
  }

  /**
   * Row-major {@code C [m, n] = A [m, k] * B [k, n]}, which column-major cuBLAS sees as {@code C^T
   * = B^T A^T}.
   *
   * @param transposed whether B lies as [n, k]
   * @param half whether A and B are bfloat16
   */
  void multiply(
      int m,
      int n,
      int k,
      CUdeviceptr a,
      int strideA,
      CUdeviceptr b,
      int strideB,
      boolean transposed,
      CUdeviceptr c,
      int strideC,
      boolean half,
      int computeType) {
    int type = half ? cudaDataType.CUDA_R_16BF : cudaDataType.CUDA_R_32F;
    int status =
        CudaCalls.status(() ->
            JCublas2.cublasGemmEx_new(
                blas,
                transposed ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N,
                cublasOperation.CUBLAS_OP_N,
                n,
                m,
                k,
                one,
                b,
                type,
                strideB,
                a,
                type,
                strideA,
                zero,
                c,
                cudaDataType.CUDA_R_32F,
                strideC,
                computeType,
                cublasGemmAlgo.CUBLAS_GEMM_DEFAULT));
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      await(); // cuBLAS may be the first to meet what broke the device, and does not name it
      checkBlas(status, "matrix product of %d x %d x %d".formatted(m, k, n));
    }
  }

  /** Waits until everything is done. */
  void await() {
    check(() -> JCudaDriver.cuStreamSynchronize(stream), "waiting for the device");
  }

  /** Closes what is open. A broken context takes the rest with it, so results do not matter. */
  void close() {
    if (hasStream) {
      CudaCalls.result(() -> JCudaDriver.cuStreamSynchronize(stream));
    }
    staging.close();
    if (hasBlas) {
      CudaCalls.status(() -> JCublas2.cublasDestroy(blas));
    }
    if (hasModule) {
      CudaCalls.result(() -> JCudaDriver.cuModuleUnload(module));
    }
    if (hasStream) {
      CudaCalls.result(() -> JCudaDriver.cuStreamDestroy(stream));
    }
    if (hasContext) {
      CudaCalls.result(() -> JCudaDriver.cuDevicePrimaryCtxRelease(device));
    }
  }
}
