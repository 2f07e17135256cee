package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/** The contract of hooks on the cuda backend over the fake driver, on streams that lag behind. */
@Tag("cuda")
class CudaHooksTest extends HooksContract {
  @Override
  String backend() {
    return "cuda";
  }

  @BeforeAll
  @Override
  void open() {
    FakeCuda.require();
    FakeCuda.set("EMU_ASYNC", "lazy");
    FakeCuda.set("EMU_ORDER", "random:5");
    super.open();
  }

  @AfterAll
  @Override
  void close() {
    super.close();
    FakeCuda.set("EMU_ASYNC", "");
    FakeCuda.set("EMU_ORDER", "");
  }

  /** CUDA promises tolerances. */
  @Override
  void assertSame(float[] got, float[] want) {
    assertThat(got).hasSameSizeAs(want);
    float scale = 1;
    for (float x : want) {
      scale = Math.max(scale, Math.abs(x));
    }
    for (int i = 0; i < want.length; i++) {
      assertThat(got[i]).isCloseTo(want[i], Offset.offset(2e-5f * scale));
    }
  }
}
