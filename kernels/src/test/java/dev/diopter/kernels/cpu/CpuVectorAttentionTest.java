package dev.diopter.kernels.cpu;

import dev.diopter.kernels.AttentionContract;
import dev.diopter.kernels.Backend;

class CpuVectorAttentionTest extends AttentionContract {
  @Override
  protected Backend open() {
    return CpuBackend.create(KernelChoice.VECTOR, 2);
  }
}
