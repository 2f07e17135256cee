/**
 * NVIDIA GPUs: matrix products by cuBLAS, everything else by own kernels, both through JCuda, which
 * no other package uses. Start at {@link dev.diopter.kernels.cuda.CudaBackend}; {@link
 * dev.diopter.kernels.cuda.CudaProbe} says whether it can run. See docs/cuda.md.
 *
 * <p>A backend may be shared by threads: one thread of its own owns the CUDA context and does what
 * the others ask, in order.
 */
@NullMarked
package dev.diopter.kernels.cuda;

import org.jspecify.annotations.NullMarked;
