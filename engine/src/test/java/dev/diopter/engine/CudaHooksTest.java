package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** The contract of hooks on the cuda backend over the fake driver, however its streams work. */
@Tag("cuda")
@ParameterizedClass
@EnumSource
class CudaHooksTest extends HooksContract {
  @Parameter Streams streams = Streams.EAGER_FORWARD;

  @Override
  String backend() {
    return "cuda";
  }

  @BeforeParameterizedClassInvocation
  @Override
  void open() {
    FakeCuda.require();
    streams.begin();
    super.open();
  }

  @AfterParameterizedClassInvocation
  @Override
  void close() {
    super.close();
    Streams.end();
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
