package dev.diopter.engine;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** What TransformerLens computes, on the cuda backend over the fake driver. */
@Tag("cuda")
@ParameterizedClass
@EnumSource
class CudaLensCasesTest extends LensCasesTest {
  private final Streams streams;

  CudaLensCasesTest(Streams streams) {
    this.streams = streams;
  }

  @BeforeAll
  static void requireFake() {
    FakeCuda.require();
  }

  @BeforeEach
  void begin() {
    streams.begin();
  }

  @AfterEach
  void end() {
    Streams.end();
  }

  @Override
  String backend() {
    return "cuda";
  }

  /** The fake driver is slow: few cells of a sweep, and fewer where it is tried again. */
  @Override
  int sweepStep() {
    return streams == Streams.LAZY_RANDOM ? 8 : 32;
  }
}
