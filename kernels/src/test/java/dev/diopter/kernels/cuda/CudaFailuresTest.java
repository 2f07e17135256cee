package dev.diopter.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.BackendException;
import dev.diopter.kernels.Backends;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.Samples;
import dev.diopter.kernels.Samples.Layout;
import dev.diopter.kernels.StorageType;
import java.util.List;
import java.util.Random;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What goes wrong on a device becomes one clear exception, nothing is left behind, and the process
 * lives.
 */
@Tag("cuda")
class CudaFailuresTest {
  private CudaBackend backend;

  @BeforeAll
  static void requireFake() {
    FakeDriver.require();
  }

  @BeforeEach
  void open() {
    backend = FakeDriver.open();
  }

  @AfterEach
  void close() {
    FakeDriver.reset();
    FakeDriver.set("EMU_MEM_MB", "");
    backend.close();
    assertNothingLeft();
  }

  private static void assertNothingLeft() {
    for (String kind :
        new String[] {"device", "host", "stream", "event", "module", "cublas", "context"}) {
      assertThat(FakeDriver.live(kind)).as(kind).isZero();
    }
    assertThat(FakeDriver.count("LEAK")).isZero();
  }

  private static void assertWorks(Backend backend) {
    Buffer buffer = backend.allocate(2);
    backend.upload(new float[] {1, 2}, 0, buffer, 0, 2);
    Matrix row = Matrix.of(buffer, 1, 2);
    backend.add(row, row, row);
    assertThat(Samples.values(backend, row)).containsExactly(2, 4);
    backend.release(buffer);
  }

  private Matrix row() {
    return Samples.matrix(backend, new Random(1), 1, 4);
  }

  // ---- memory

  @Test
  void allocate_moreThanThereIs_isRefusedAndTheRestWorks() {
    FakeDriver.set("EMU_MEM_MB", "16");
    assertThatThrownBy(() -> backend.allocate(25_000_000))
        .isInstanceOf(BackendException.class)
        .hasMessageContaining("the GPU has no room for 100.0 MB: ")
        .hasMessageContaining(" of 16.8 MB are free; use a shorter prompt");
    assertWorks(backend);
  }

  @Test
  void allocate_idleMemoryOfOtherSizes_isGivenUpForIt() {
    FakeDriver.set("EMU_MEM_MB", "16");
    backend.release(backend.allocate(2_500_000));
    backend.release(backend.allocate(1_000_000));
    backend.release(backend.allocate(3_000_000));
    assertWorks(backend);
  }

  @Test
  void allocateKeyValues_forgottenOnes_areCollected() {
    FakeDriver.set("EMU_MEM_MB", "16");
    for (int i = 0; i < 20; i++) {
      assertThat(backend.allocateKeyValues(4, 32, 4000 + i).capacity()).isEqualTo(4000 + i);
    }
  }

  @Test
  void release_keyValuesTwice_isHarmless() {
    var block = backend.allocateKeyValues(1, 2, 3);
    backend.release(block);
    backend.release(block);
    var first = backend.allocateKeyValues(1, 2, 3);
    var second = backend.allocateKeyValues(1, 2, 3);
    assertThat(CudaHandles.KeyValues.of(first).keys(0))
        .isNotEqualTo(CudaHandles.KeyValues.of(second).keys(0));
  }

  @Test
  void expectWeights_moreThanThereIs_isRefusedBeforeAnyIsCopied() {
    FakeDriver.set("EMU_MEM_MB", "16");
    backend.expectWeights(4_000_000); // 16.0 MB of 16.8 MB
    assertThatThrownBy(() -> backend.expectWeights(4_190_000)).hasMessageContaining("16.8 MB and");
    assertThatThrownBy(() -> backend.expectWeights(10_000_000))
        .isInstanceOf(BackendException.class)
        .hasMessageContaining(
            "the model does not fit the GPU: its weights need 40.0 MB and a short pass 1.")
        .hasMessageContaining("or --backend cuda-bf16 for half the size");
    assertThat(FakeDriver.count("cuMemcpyHtoDAsync")).isZero();
  }

  @Test
  void memory_thatAnotherBackendKeepsForReuse_isGivenUpForThisOne() {
    FakeDriver.set("EMU_MEM_MB", "16");
    CudaBackend other = CudaBackend.open(CudaPrecision.FLOAT32);
    for (int i = 0; i < 2; i++) {
      other.release(other.allocate(2_500_000));
      assertThat(FakeDriver.live("device")).isEqualTo(1);
      if (i == 0) {
        backend.expectWeights(3_000_000);
      } else {
        backend.release(backend.allocate(3_000_000));
      }
    }
    assertWorks(other);
    other.close();
    assertWorks(backend);
  }

  @Test
  void upload_withoutPageLockedMemory_saysSo() {
    FakeDriver.fail("cuMemAllocHost", 0, FakeDriver.OUT_OF_MEMORY);
    Buffer buffer = backend.allocate(1);
    backend.upload(new float[1], 0, buffer, 0, 1);
    assertThatThrownBy(() -> backend.download(buffer, 0, new float[1], 0, 1))
        .isInstanceOf(BackendException.class)
        .hasMessage("memory ran out: cuMemAllocHost failed with CUDA_ERROR_OUT_OF_MEMORY");
    assertWorks(backend);
  }

  // ---- kernels

  @ParameterizedTest
  @CsvSource({"'',", "lazy,"})
  void kernel_illegalAddress_losesTheDeviceAndNothingElse(String async) {
    FakeDriver.set("EMU_ASYNC", async);
    Matrix x = row();
    FakeDriver.fail("run gelu", 0, FakeDriver.ILLEGAL_ADDRESS);
    backend.gelu(x, x);
    String lost = "the GPU failed and has lost everything on it (";
    assertThatThrownBy(() -> Samples.values(backend, x))
        .isInstanceOf(BackendException.class)
        .hasMessageStartingWith(lost)
        .hasMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS")
        .hasMessageEndingWith(
            "close every model on the GPU and open again; if that fails, restart the program");
    assertThatThrownBy(() -> backend.add(x, x, x)).hasMessageStartingWith(lost);
    assertThatThrownBy(() -> backend.allocate(5)).hasMessageStartingWith(lost);
    assertThatThrownBy(() -> backend.indices(new int[1])).hasMessageStartingWith(lost);
    backend.release(x.buffer());
    backend.close();
    assertNothingLeft();
    try (Backend cpu = Backends.open("cpu", 1)) {
      assertWorks(cpu);
    }
    backend = FakeDriver.open();
    assertWorks(backend);
  }

  @Test
  void kernel_refusedAtItsLaunch_isToldAtTheNextCall() {
    Matrix x = row();
    FakeDriver.fail("cuLaunchKernel gelu", 0, 1);
    backend.gelu(x, x);
    assertThatThrownBy(() -> Samples.values(backend, x))
        .isInstanceOf(BackendException.class)
        .hasMessage("the GPU refused: kernel gelu failed with CUDA_ERROR_INVALID_VALUE");
    assertWorks(backend);
  }

  @Test
  void product_refusedByCublas_isToldAtTheNextCall() {
    var w = Samples.weights(new Random(2), StorageType.F32, Layout.ROWS_OF_INPUTS, 4, 4);
    var packed = backend.pack(List.of(w.stored()));
    Matrix x = row();
    FakeDriver.fail("cublasGemmEx", 0, 1);
    backend.multiply(x, packed.all(), null, x);
    assertThatThrownBy(() -> Samples.values(backend, x))
        .isInstanceOf(BackendException.class)
        .hasMessage(
            "the GPU refused: matrix product of 1 x 4 x 4 failed with"
                + " CUBLAS_STATUS_EXECUTION_FAILED");
    assertWorks(backend);
  }

  /** What a kernel broke and a product is the first to meet. */
  @Test
  void product_onABrokenDevice_tellsWhatBrokeIt() {
    var w = Samples.weights(new Random(2), StorageType.F32, Layout.ROWS_OF_INPUTS, 4, 4);
    var packed = backend.pack(List.of(w.stored()));
    Matrix x = row();
    backend.finish();
    FakeDriver.fail("cublasGemmEx", 0, FakeDriver.ILLEGAL_ADDRESS);
    backend.multiply(x, packed.all(), null, x);
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(backend::finish)
          .isInstanceOf(BackendException.class)
          .hasMessageStartingWith("the GPU failed and has lost everything on it (")
          .hasMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS");
    }
  }

  @Test
  void failure_ofOneThread_isNotToldToAnother() throws Exception {
    Matrix x = row();
    FakeDriver.fail("cuLaunchKernel gelu", 0, 1);
    Thread other = Thread.ofPlatform().start(() -> backend.gelu(x, x));
    other.join();
    assertWorks(backend);
  }

  @Test
  void finish_afterARefusedLaunch_tellsItOnce() {
    Matrix x = row();
    FakeDriver.fail("cuLaunchKernel gelu", 0, 1);
    backend.gelu(x, x);
    assertThatThrownBy(backend::finish)
        .isInstanceOf(BackendException.class)
        .hasMessage("the GPU refused: kernel gelu failed with CUDA_ERROR_INVALID_VALUE");
    backend.finish();
    assertWorks(backend);
  }

  @ParameterizedTest
  @CsvSource({"'',", "lazy,"})
  void finish_afterAnIllegalAddress_tellsIt(String async) {
    FakeDriver.set("EMU_ASYNC", async);
    Matrix x = row();
    FakeDriver.fail("run gelu", 0, FakeDriver.ILLEGAL_ADDRESS);
    backend.gelu(x, x);
    assertThatThrownBy(backend::finish).hasMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS");
    assertThatThrownBy(backend::finish).hasMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS");
  }

  @Test
  void finish_behindADownload_doesNotWaitAgain() {
    Matrix x = row();
    backend.gelu(x, x);
    backend.finish();
    backend.finish();
    assertThat(FakeDriver.count("cuStreamSynchronize")).isEqualTo(1);
    backend.gelu(x, x);
    float[] values = Samples.values(backend, x);
    backend.finish();
    assertThat(values).hasSize(4);
    assertThat(FakeDriver.count("cuStreamSynchronize")).isEqualTo(2);
  }

  @ParameterizedTest
  @CsvSource({"FLOAT32", "BFLOAT16"})
  void failures_whileOpen_leaveNoMemoryBehind(CudaPrecision precision) {
    backend.close();
    backend = CudaBackend.open(precision);
    Matrix x = row();
    var w = Samples.weights(new Random(2), StorageType.F32, Layout.ROWS_OF_INPUTS, 4, 4);
    var packed = backend.pack(List.of(w.stored()));
    Matrix wide = Matrix.of(backend.allocate(80_000), 10_000, 8);
    backend.expectWeights(0); // idle memory goes back
    long live = FakeDriver.live("device");
    for (int i = 1; i <= 10; i++) {
      int n = 1000 * i;
      failing(x, () -> backend.release(backend.allocate(n)));
      failing(x, () -> backend.release(backend.indices(new int[n])));
      failing(x, () -> backend.rotary(new double[n]));
      failing(x, () -> backend.release(backend.pack(List.of(w.stored()))));
      Matrix some = new Matrix(wide.buffer(), 0, n, 4, 8);
      failing(x, () -> backend.upload(new float[4 * n], some));
      failing(x, () -> backend.multiply(some, packed.all(), null, some));
      FakeDriver.fail("cuMemcpyHtoDAsync", 0, 1);
      assertThatThrownBy(() -> backend.pack(List.of(w.stored())))
          .hasMessageContaining("copy to the device failed");
    }
    backend.expectWeights(0);
    assertThat(FakeDriver.live("device")).isEqualTo(live);
    assertWorks(backend);
  }

  /** An operation behind one that fails. */
  private void failing(Matrix x, Runnable operation) {
    FakeDriver.fail("cuLaunchKernel gelu", 0, 1);
    backend.gelu(x, x);
    assertThatThrownBy(
            () -> {
              operation.run();
              backend.finish();
            })
        .hasMessageContaining("kernel gelu failed");
    backend.finish();
  }

  // ---- JCuda's own exceptions, which another part of the program may have switched on

  @Test
  void jcudaExceptions_switchedOnByTheProgram_changeNothing() {
    JCudaDriver.setExceptionsEnabled(true);
    JCublas2.setExceptionsEnabled(true);
    try {
      upload_withoutPageLockedMemory_saysSo();
      allocate_idleMemoryOfOtherSizes_isGivenUpForIt();
      allocate_moreThanThereIs_isRefusedAndTheRestWorks();
      FakeDriver.set("EMU_MEM_MB", "");
      kernel_refusedAtItsLaunch_isToldAtTheNextCall();
      product_refusedByCublas_isToldAtTheNextCall();
      backend.close();
      open_somethingMissing_saysWhatAndLeavesNothing(
          "cublasCreate",
          1,
          "cublasCreate failed with CUBLAS_STATUS_NOT_INITIALIZED; other programs may have taken its"
              + " memory (nvidia-smi shows them)");
      backend = FakeDriver.open();
      kernel_illegalAddress_losesTheDeviceAndNothingElse("");
    } finally {
      backend.close();
      JCudaDriver.setExceptionsEnabled(false);
      JCublas2.setExceptionsEnabled(false);
    }
  }

  // ---- opening

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "cuModuleGetFunction mix | 500 | finding kernel mix failed with CUDA_ERROR_NOT_FOUND",
        "cuModuleLoadData | 222 | loading the kernels failed with CUDA_ERROR_UNSUPPORTED_PTX_VERSION;"
            + " the GPU must have compute capability 7.5 or newer, the driver CUDA 12.0",
        "cuModuleLoadData | 209 | loading the kernels failed with CUDA_ERROR_NO_BINARY_FOR_GPU;"
            + " the GPU must have compute capability 7.5 or newer, the driver CUDA 12.0",
        "cublasCreate | 1 | cublasCreate failed with CUBLAS_STATUS_NOT_INITIALIZED; other programs"
            + " may have taken its memory (nvidia-smi shows them)",
        "cuDevicePrimaryCtxRetain | 2 | cuDevicePrimaryCtxRetain failed with"
            + " CUDA_ERROR_OUT_OF_MEMORY; other programs may have taken its memory (nvidia-smi shows"
            + " them)",
        "cuStreamCreate | 999 | cuStreamCreate failed with CUDA_ERROR_UNKNOWN"
      })
  void open_somethingMissing_saysWhatAndLeavesNothing(String call, int code, String message) {
    backend.close();
    FakeDriver.fail(call, 0, code);
    assertThatThrownBy(() -> CudaBackend.open(CudaPrecision.FLOAT32))
        .isInstanceOf(BackendException.class)
        .hasMessage("the GPU cannot be used: " + message);
    assertNothingLeft();
  }

  @Test
  void open_autoWithoutAUsableGpu_takesTheCpu() {
    backend.close();
    FakeDriver.fail("cublasCreate", 0, 1);
    try (Backend found = Backends.open("auto", 1)) {
      assertThat(found.name()).isEqualTo("cpu");
    }
    try (Backend found = Backends.open("auto", 1)) {
      assertThat(found.name()).isEqualTo("cuda");
    }
  }

  @Test
  void close_withWorkUnderWay_finishesIt() {
    FakeDriver.set("EMU_ASYNC", "lazy");
    Matrix x = row();
    for (int i = 0; i < 100; i++) {
      backend.add(x, x, x);
    }
    backend.close();
    assertThat(FakeDriver.count("cuLaunchKernel add")).isEqualTo(100);
    assertNothingLeft();
  }
}
