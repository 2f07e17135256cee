package dev.diopter.kernels.cuda;

import jcuda.driver.CUresult;
import jcuda.jcublas.cublasStatus;

/**
 * Turns result codes into exceptions. JCuda's own exceptions are a switch for the whole JVM, which
 * belongs to the program around us, and leave some failures out.
 */
final class CudaCalls {
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
  static void check(int result, String call) {
    if (result != CUresult.CUDA_SUCCESS) {
      throw new Failed(
          call + " failed with " + CUresult.stringFor(result),
          lasting(result),
          result == CUresult.CUDA_ERROR_OUT_OF_MEMORY);
    }
  }

  /** A call of cuBLAS. */
  static void checkBlas(int status, String call) {
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw new Failed(
          call + " failed with " + cublasStatus.stringFor(status),
          false,
          status == cublasStatus.CUBLAS_STATUS_ALLOC_FAILED);
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
