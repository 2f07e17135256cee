package dev.diopter.kernels.cuda;

import jcuda.driver.CUdeviceptr;

/** Device memory whose address can be put among a kernel's arguments. */
final class DevicePointer extends CUdeviceptr {
  /** Where it lies; 0 before it was allocated. */
  long address() {
    return getNativePointer();
  }
}
