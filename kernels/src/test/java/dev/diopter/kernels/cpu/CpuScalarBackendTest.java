package dev.diopter.kernels.cpu;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.BackendContract;

class CpuScalarBackendTest extends BackendContract {
  @Override
  protected Backend open() {
    return CpuBackend.create(KernelChoice.SCALAR, 2);
  }
}
