package dev.diopter.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.host.HostBuffer;
import org.junit.jupiter.api.Test;

class SpareArraysTest {
  @Test
  void take_afterGive_returnsTheSameArrayOnce() {
    SpareArrays spare = new SpareArrays(1000);
    float[] array = new float[7];
    spare.give(array);
    assertThat(spare.take(6)).isNull();
    assertThat(spare.take(7)).isSameAs(array);
    assertThat(spare.take(7)).isNull();
  }

  @Test
  void give_moreThanItHolds_dropsWhatLayThereFirst() {
    SpareArrays spare = new SpareArrays(40);
    spare.give(new float[6]);
    spare.give(new float[11]); // more than all of it
    assertThat(spare.take(11)).isNull();
    spare.give(new float[5]);
    assertThat(spare.take(6)).isNull();
    assertThat(spare.take(5)).hasSize(5);
  }

  @Test
  void allocate_afterRelease_reusesTheMemoryAndTheOldBufferIsDead() {
    try (CpuBackend backend = CpuBackend.create(KernelChoice.AUTO, 1)) {
      Buffer first = backend.allocate(5);
      float[] memory = HostBuffer.of(first);
      backend.release(first);
      backend.release(first); // twice must not lend it twice
      Buffer second = backend.allocate(5);
      Buffer third = backend.allocate(5);
      assertThat(HostBuffer.of(second)).isSameAs(memory);
      assertThat(HostBuffer.of(third)).isNotSameAs(memory);
      assertThatIllegalStateException()
          .isThrownBy(() -> HostBuffer.of(first))
          .withMessageContaining("released");
    }
  }
}
