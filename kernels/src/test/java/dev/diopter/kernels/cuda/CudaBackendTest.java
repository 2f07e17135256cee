package dev.diopter.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.kernels.AttentionContract;
import dev.diopter.kernels.Backend;
import dev.diopter.kernels.BackendContract;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;

/**
 * The contract of every backend on the fake driver: with streams that work at once and with streams
 * that work only when somebody waits, and with the threads of a block in several orders.
 */
@Tag("cuda")
class CudaBackendTest {
  @BeforeAll
  static void requireFake() {
    FakeDriver.require();
  }

  private static Backend open(String async, String order) {
    Backend backend = FakeDriver.open();
    FakeDriver.set("EMU_ASYNC", async);
    FakeDriver.set("EMU_ORDER", order);
    return backend;
  }

  /** Sums come in cuBLAS's order, so heads together and heads alone agree to rounding only. */
  private static void assertClose(float[] got, float[] want, int terms) {
    for (int i = 0; i < want.length; i++) {
      assertThat(got[i]).isCloseTo(want[i], Offset.offset(1e-6f * terms));
    }
  }

  @Nested
  class EagerForward extends BackendContract {
    @Override
    protected Backend open() {
      return CudaBackendTest.open("", "forward");
    }

    @Override
    protected void assertSame(float[] got, float[] want, int terms) {
      assertClose(got, want, terms);
    }
  }

  @Nested
  class LazyReverse extends BackendContract {
    @Override
    protected Backend open() {
      return CudaBackendTest.open("lazy", "reverse");
    }

    @Override
    protected void assertSame(float[] got, float[] want, int terms) {
      assertClose(got, want, terms);
    }
  }

  @Nested
  class LazyRandom extends BackendContract {
    @Override
    protected Backend open() {
      return CudaBackendTest.open("lazy", "random:4711");
    }

    @Override
    protected void assertSame(float[] got, float[] want, int terms) {
      assertClose(got, want, terms);
    }
  }

  @Nested
  class AttentionEagerForward extends AttentionContract {
    @Override
    protected Backend open() {
      return CudaBackendTest.open("", "forward");
    }
  }

  @Nested
  class AttentionLazyReverse extends AttentionContract {
    @Override
    protected Backend open() {
      return CudaBackendTest.open("lazy", "reverse");
    }
  }

  @Nested
  class AttentionLazyRandom extends AttentionContract {
    @Override
    protected Backend open() {
      return CudaBackendTest.open("lazy", "random:99");
    }
  }
}
