package dev.diopter.kernels.cpu;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.BackendContract;

class CpuVectorBackendTest extends BackendContract {
  @Override
  protected Backend open() {
    return CpuBackend.create(KernelChoice.VECTOR, 2);
  }
}
