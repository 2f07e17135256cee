package dev.diopter.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What waits for reuse, and what goes back to the driver. */
@Tag("cuda")
@Timeout(value = 20, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DeviceMemoryTest {
  private static final long MOST_IDLE = 10_240;
  private CudaThread thread;
  private DeviceMemory memory;

  @BeforeEach
  void open() {
    FakeDriver.open().close();
    thread = new CudaThread(CudaDevice::open);
    memory = new DeviceMemory(thread, MOST_IDLE, true);
    FakeDriver.reset();
  }

  @AfterEach
  void close() {
    thread.close(device -> {
      memory.close(false);
      device.close();
    });
    assertThat(FakeDriver.live("device")).isZero();
    assertThat(FakeDriver.count("LEAK")).isZero();
  }

  private List<DeviceMemory.Block> allocate(int... sizes) {
    List<DeviceMemory.Block> blocks = new ArrayList<>();
    for (int size : sizes) {
      blocks.add(memory.allocate(size));
    }
    return blocks;
  }

  @Test
  void allocate_whereMuchIsIdle_givesBackTheOldestAndKeepsTheRest() {
    List<DeviceMemory.Block> blocks = allocate(4096, 4096, 2048, 1024, 512);
    blocks.forEach(memory::release); // 11,776 bytes
    assertThat(FakeDriver.count("cuMemFree")).isZero();
    memory.allocate(256);
    // Until half of the limit is left: both of the oldest go.
    assertThat(FakeDriver.count("cuMemFree")).isEqualTo(2);
    long made = FakeDriver.count("cuMemAlloc");
    assertThat(allocate(2048, 1024, 512)).containsExactlyElementsOf(blocks.subList(2, 5));
    assertThat(FakeDriver.count("cuMemAlloc")).isEqualTo(made);
    memory.allocate(4096);
    assertThat(FakeDriver.count("cuMemAlloc")).isEqualTo(made + 1);
  }

  @Test
  void allocate_whatWasUsedLately_isYoungAgain() {
    List<DeviceMemory.Block> blocks = allocate(4096, 4096, 3072);
    blocks.forEach(memory::release);
    DeviceMemory.Block again = memory.allocate(4096);
    memory.release(again); // the youngest now
    memory.allocate(256);
    long made = FakeDriver.count("cuMemAlloc");
    assertThat(memory.allocate(4096)).isEqualTo(again);
    assertThat(FakeDriver.count("cuMemAlloc")).isEqualTo(made); // not at the same place anew
  }

  @Test
  void free_everythingIdle_goesBack() {
    allocate(4096, 512).forEach(memory::release);
    memory.free();
    assertThat(FakeDriver.count("cuMemFree")).isEqualTo(2);
    assertThat(FakeDriver.live("device")).isZero();
  }

  @Test
  void free_thatTheDriverRefuses_losesTrackOfNothing() {
    allocate(4096, 512, 256).forEach(memory::release);
    FakeDriver.fail("cuMemFree", 1, 1);
    assertThatThrownBy(memory::free).hasMessageContaining("cuMemFree failed");
    memory.free();
    // What was refused is freed at the end, and not handed out before.
    assertThat(FakeDriver.live("device")).isEqualTo(1);
    assertThat(memory.allocate(512)).isNotNull();
    assertThat(FakeDriver.live("device")).isEqualTo(2);
  }
}
