package dev.diopter.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.CellEdit;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.Samples;
import dev.diopter.kernels.Tape;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several threads on one device, and what one of them leaves waiting in line. */
@Tag("cuda")
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CudaSharingTest {
  private static final int FLOATS = 64;
  private CudaThread thread;
  private DeviceMemory memory;
  private CudaRows rows;

  @BeforeEach
  void open() {
    FakeDriver.open().close();
    thread = new CudaThread(CudaDevice::open);
    memory = new DeviceMemory(thread, 1L << 30, false); // as without assertions
    rows = new CudaRows(thread);
    FakeDriver.reset();
  }

  @AfterEach
  void close() {
    FakeDriver.reset();
    FakeDriver.set("EMU_MEM_MB", "");
    thread.close(device -> {
      memory.close(thread.isLost());
      device.close();
    });
    assertThat(FakeDriver.live("device")).isZero();
  }

  /** Keeps the CUDA thread from what is given from now on. */
  private CountDownLatch hold() throws InterruptedException {
    CountDownLatch held = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    Thread other =
        Thread.ofPlatform()
            .start(() ->
                thread.run(device -> {
                  held.countDown();
                  awaitQuietly(go);
                }));
    held.await();
    other.join();
    return go;
  }

  private static void awaitQuietly(CountDownLatch go) {
    try {
      go.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Matrix row(DeviceMemory.Block block) {
    return Matrix.of(new CudaHandles.Floats(block, FLOATS), 1, FLOATS);
  }

  @Test
  void free_whatIsReleasedBehindIt_staysForTheWorkThatUsesIt() throws Exception {
    DeviceMemory.Block block = memory.allocate(FLOATS * Float.BYTES);
    thread.run(device -> device.fill(block.pointer(), 0, FLOATS));
    CountDownLatch go = hold();
    Thread freeing = Thread.ofPlatform().start(memory::free);
    while (freeing.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    rows.add(row(block), row(block), row(block));
    memory.release(block);
    go.countDown();
    freeing.join();
    thread.finish();
    assertThat(FakeDriver.count("ERROR")).isZero();
    assertThat(FakeDriver.live("device")).isEqualTo(1);
    memory.free();
    assertThat(FakeDriver.live("device")).isZero();
  }

  @Test
  void free_thatIsNotReached_keepsWhatItPicked() throws Exception {
    memory.release(memory.allocate(FLOATS * Float.BYTES));
    thread.run(device -> {
      throw new IllegalStateException("earlier");
    });
    assertThatThrownBy(memory::free).hasMessage("earlier");
    assertThat(FakeDriver.live("device")).isEqualTo(1);
    memory.free();
    assertThat(FakeDriver.live("device")).isZero();
  }

  /** What the public operations do, on so little memory that nearly each allocation frees. */
  @Test
  void threads_withLittleMemory_useNothingThatWasFreed() throws Exception {
    long seed = new Random().nextInt();
    System.out.println("CudaSharingTest seed " + seed);
    CudaBackend backend = CudaBackend.open(CudaPrecision.FLOAT32);
    FakeDriver.set("EMU_MEM_MB", "4");
    Throwable[] failed = new Throwable[3];
    Thread[] threads = new Thread[failed.length];
    for (int i = 0; i < threads.length; i++) {
      int me = i;
      threads[i] =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  addUp(backend, new Random(seed + me));
                } catch (Throwable e) {
                  failed[me] = e;
                }
              });
    }
    for (Thread each : threads) {
      each.join();
    }
    FakeDriver.set("EMU_MEM_MB", "");
    backend.close();
    assertThat(failed).as("seed %d", seed).containsOnlyNulls();
    assertThat(FakeDriver.count("cuMemFree")).isGreaterThan(100);
    assertThat(FakeDriver.count("ERROR")).isZero();
  }

  private static void addUp(CudaBackend backend, Random random) {
    for (int i = 0; i < 300; i++) {
      int floats = 1000 + 512 * random.nextInt(200);
      Buffer buffer = backend.allocate(floats);
      float value = i + random.nextFloat();
      backend.upload(new float[] {value}, 0, buffer, floats - 1, 1);
      Matrix last = new Matrix(buffer, floats - 1, 1, 1, 1);
      backend.add(last, last, last);
      if (i % 20 == 0) {
        assertThat(Samples.values(backend, last)).containsExactly(2 * value);
      }
      backend.release(buffer);
    }
    backend.finish();
  }

  // ---- what waits behind a task that failed

  private Buffer zeros() {
    CudaHandles.Floats made = new CudaHandles.Floats(memory.allocate(FLOATS * Float.BYTES), FLOATS);
    thread.run(device -> device.fill(made.block().pointer(), 0, FLOATS));
    return made;
  }

  /** Memory of the size of an edit's lists, full of numbers that are no rows. */
  private void leaveJunk() {
    DeviceMemory.Block junk = memory.allocate(4 * Integer.BYTES);
    thread.run(device -> device.fill(junk.pointer(), 1_000_000_000, FLOATS));
    thread.finish();
    memory.release(junk);
  }

  private static CellEdit fill(Buffer target) {
    return new CellEdit(
        CellEdit.Kind.FILL,
        1,
        null,
        0,
        0,
        false,
        false,
        target,
        0,
        FLOATS,
        FLOATS,
        FLOATS,
        new int[] {0},
        new int[] {0},
        new int[] {FLOATS},
        new int[] {0},
        null);
  }

  @Test
  void edit_whoseListsDoNotArrive_isNotMade() {
    Buffer target = zeros();
    leaveJunk();
    CudaTransfers transfers = new CudaTransfers(thread, memory, rows);
    try (Tape tape = new CudaTape(thread, memory, rows, transfers)) {
      FakeDriver.fail("cuMemcpyHtoDAsync", 0, 1);
      tape.edit(fill(target));
      assertThatThrownBy(thread::finish).hasMessageContaining("copy to the device failed");
      thread.finish(); // the device lives
      assertThat(FakeDriver.count("cuLaunchKernel edit_cells")).isZero();
      tape.edit(fill(target));
      float[] got = new float[FLOATS];
      transfers.download(target, 0, got, 0, FLOATS);
      float[] ones = new float[FLOATS];
      Arrays.fill(ones, 1);
      assertThat(got).isEqualTo(ones);
    }
  }

  /** The giver hears of the failure while the rest of the failed work still waits. */
  @Test
  void run_behindAFailureThatWasTold_isLeftOutAllTheSame() throws Exception {
    int[] ran = {0};
    CountDownLatch failed = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    thread.run(device -> {
      throw new IllegalStateException("first");
    });
    Thread other =
        Thread.ofPlatform()
            .start(() ->
                thread.run(device -> {
                  failed.countDown();
                  awaitQuietly(go);
                  ran[0] += 10; // what others gave is done
                }));
    failed.await();
    other.join();
    thread.run(device -> ran[0] += 1);
    assertThatThrownBy(thread::open).hasMessage("first");
    thread.run(device -> ran[0] += 100); // has nothing to do with it
    go.countDown();
    thread.finish();
    assertThat(ran[0]).isEqualTo(110);
  }
}
