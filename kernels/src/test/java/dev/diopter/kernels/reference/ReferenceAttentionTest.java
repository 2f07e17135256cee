package dev.diopter.kernels.reference;

import dev.diopter.kernels.AttentionContract;
import dev.diopter.kernels.Backend;

class ReferenceAttentionTest extends AttentionContract {
  @Override
  protected Backend open() {
    return new ReferenceBackend();
  }
}
