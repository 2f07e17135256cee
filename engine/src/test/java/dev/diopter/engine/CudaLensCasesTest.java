package dev.diopter.engine;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/** What TransformerLens computes, on the cuda backend over the fake driver. */
@Tag("cuda")
class CudaLensCasesTest extends LensCasesTest {
  @BeforeAll
  static void requireFake() {
    FakeCuda.require();
  }

  @Override
  String backend() {
    return "cuda";
  }

  /** The fake driver is slow. */
  @Override
  int sweepStep() {
    return 8;
  }
}
