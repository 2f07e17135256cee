package dev.diopter.kernels.cuda;

import jcuda.jcublas.cublasComputeType;

/** What matrix products compute in. Everything else is float32 always. */
public enum CudaPrecision {
  /** Float32 weights, float32 products. */
  FLOAT32("cuda", "float32 matrix products", 4),
  /** Float32 weights; products read 10 bits of each operand's mantissa. */
  TF32("cuda-tf32", "TF32 matrix products: lower precision, as asked", 4),
  /** Weights rounded to bfloat16 where they are not, and each product's rows too; float32 sums. */
  BFLOAT16("cuda-bf16", "bfloat16 weights and matrix products: lower precision, as asked", 2);

  private final String backend;
  private final String label;
  private final int weightBytes;

  CudaPrecision(String backend, String label, int weightBytes) {
    this.backend = backend;
    this.label = label;
    this.weightBytes = weightBytes;
  }

  /** The backend's name that asks for it. */
  public String backend() {
    return backend;
  }

  /** For a person. */
  String label() {
    return label;
  }

  /** Bytes of a stored weight. */
  int weightBytes() {
    return weightBytes;
  }

  int computeType() {
    return this == TF32
        ? cublasComputeType.CUBLAS_COMPUTE_32F_FAST_TF32
        : cublasComputeType.CUBLAS_COMPUTE_32F;
  }
}
