package dev.diopter.kernels.cuda;

import java.util.function.IntFunction;
import java.util.function.IntSupplier;
import jcuda.CudaException;
import jcuda.driver.CUresult;
import jcuda.jcublas.cublasStatus;

/**
 * Makes calls, and turns result codes into exceptions. JCuda's own exceptions are a switch for the
 * whole JVM, which belongs to the program around us, and leave some failures out: where it is on,
 * they become what the code would have become.
 */
final class CudaCalls {
  /** One more than the largest code. */
  private static final int CODES = CUresult.CUDA_ERROR_UNKNOWN + 1;

  private CudaCalls() {}

  /** A call that failed. Never leaves this package: users see what it means for them. */
  static final class Failed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean lasting;
    private final boolean memory;

    private Failed(String message, boolean lasting, boolean memory) {
      super(message);
      this.lasting = lasting;
      this.memory = memory;
    }

    /** Whether every later call will fail too. */
    boolean lasting() {
      return lasting;
    }

    /** Whether memory ran out. */
    boolean memory() {
      return memory;
    }
  }

  /** A call of the driver. */
  static void check(IntSupplier call, String name) {
    int result = result(call);
    if (result != CUresult.CUDA_SUCCESS) {
      throw new Failed(
          name + " failed with " + CUresult.stringFor(result),
          lasting(result),
          result == CUresult.CUDA_ERROR_OUT_OF_MEMORY);
    }
  }

  /** What a call of the driver says. */
  static int result(IntSupplier call) {
    return code(call, CUresult::stringFor);
  }

  /** A call of cuBLAS. */
  static void checkBlas(IntSupplier call, String name) {
    checkBlas(status(call), name);
  }

  /** What a call of cuBLAS says. */
  static int status(IntSupplier call) {
    return code(call, cublasStatus::stringFor);
  }

  /** A status of cuBLAS. */
  static void checkBlas(int status, String name) {
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw new Failed(
          name + " failed with " + cublasStatus.stringFor(status),
          false,
          status == cublasStatus.CUBLAS_STATUS_ALLOC_FAILED);
    }
  }

  /** JCuda's exceptions carry no code but its name. */
  private static int code(IntSupplier call, IntFunction<String> names) {
    try {
      return call.getAsInt();
    } catch (CudaException e) {
      for (int code = 1; code < CODES; code++) {
        if (names.apply(code).equals(e.getMessage())) {
          return code;
        }
      }
      return CUresult.CUDA_ERROR_UNKNOWN;
    }
  }

  /** Errors that a context does not survive: faults of kernels and of the hardware. */
  private static boolean lasting(int result) {
    return result == CUresult.CUDA_ERROR_ECC_UNCORRECTABLE
        || result == CUresult.CUDA_ERROR_UNKNOWN
        || (result >= CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
            && result < CUresult.CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
            && result != CUresult.CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
  }
}
