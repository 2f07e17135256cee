package dev.diopter.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.kernels.BackendException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nothing ends the thread unheard. */
@Tag("cuda")
@Timeout(value = 20, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CudaThreadTest {
  @BeforeAll
  static void requireFake() {
    FakeDriver.open().close();
  }

  /** A failure that cannot even be named. */
  private static final class Nameless extends Error {
    private static final long serialVersionUID = 1L;

    @Override
    public String toString() {
      throw new IllegalStateException("no name");
    }
  }

  @SuppressWarnings("unchecked")
  private static <T extends Throwable> void sneak(Throwable e) throws T {
    throw (T) e;
  }

  private static void assertOpeningFails(Supplier<CudaDevice> open, String why) {
    assertThatThrownBy(() -> new CudaThread(open))
        .isInstanceOf(BackendException.class)
        .hasMessageStartingWith("the GPU cannot be used: ")
        .hasMessageContaining(why);
  }

  @Test
  void open_whateverFails_isABackendException() {
    assertOpeningFails(
        () -> {
          throw new IllegalStateException("this build has no kernels.ptx");
        },
        "this build has no kernels.ptx");
    assertOpeningFails(
        () -> {
          throw new UnsatisfiedLinkError("libX.so");
        },
        "libX.so");
    assertOpeningFails(
        () -> {
          CudaThreadTest.<RuntimeException>sneak(new InterruptedException("woken"));
          throw new AssertionError();
        },
        "woken");
  }

  @Test
  void run_throwsAnything_isToldAndTheThreadLives() {
    CudaThread thread = new CudaThread(CudaDevice::open);
    thread.run(device -> CudaThreadTest.<RuntimeException>sneak(new Exception("checked")));
    assertThatThrownBy(() -> thread.call(device -> 1))
        .isInstanceOf(BackendException.class)
        .hasMessageContaining("checked");
    thread.close(CudaDevice::close);
  }

  @Test
  void run_throwsWhatHasNoName_losesTheDeviceAndLetsNobodyWait() {
    CudaThread thread = new CudaThread(CudaDevice::open);
    thread.run(device -> {
      throw new Nameless();
    });
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> thread.call(device -> 1)).isInstanceOf(BackendException.class);
    }
    thread.close(CudaDevice::close);
  }

  @Test
  void call_throwsWhatHasNoName_returns() {
    CudaThread thread = new CudaThread(CudaDevice::open);
    assertThatThrownBy(() ->
            thread.call(device -> {
              throw new Nameless();
            }))
        .isInstanceOf(BackendException.class);
    thread.close(CudaDevice::close);
  }
}
