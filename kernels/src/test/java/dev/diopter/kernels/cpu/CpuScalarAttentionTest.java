package dev.diopter.kernels.cpu;

import dev.diopter.kernels.AttentionContract;
import dev.diopter.kernels.Backend;

class CpuScalarAttentionTest extends AttentionContract {
  @Override
  protected Backend open() {
    return CpuBackend.create(KernelChoice.SCALAR, 2);
  }
}
