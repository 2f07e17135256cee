package dev.diopter.kernels.reference;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.BackendContract;

class ReferenceBackendTest extends BackendContract {
  @Override
  protected Backend open() {
    return new ReferenceBackend();
  }
}
