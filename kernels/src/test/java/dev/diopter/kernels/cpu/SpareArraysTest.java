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
  void give_moreThanAllOfIt_changesNothing() {
    SpareArrays spare = new SpareArrays(40);
    spare.give(new float[6]);
    spare.give(new float[11]);
    assertThat(spare.take(11)).isNull();
    assertThat(spare.take(6)).hasSize(6);
  }

  @Test
  void give_noRoom_dropsTheSizesUsedLongestAgo() {
    SpareArrays spare = new SpareArrays(40);
    float[] five = new float[5];
    spare.give(five);
    spare.give(new float[2]);
    spare.give(new float[3]);
    assertThat(spare.take(5)).isSameAs(five);
    spare.give(five); // used again: now 2 is the oldest, then 3
    spare.give(new float[1]);
    assertThat(spare.take(2)).isNull();
    assertThat(spare.take(3)).hasSize(3);
    assertThat(spare.take(5)).isSameAs(five);
    assertThat(spare.take(1)).hasSize(1);
  }

  @Test
  void give_oneSizeWithoutRoom_keepsAsManyAsFit() {
    SpareArrays spare = new SpareArrays(40);
    for (int i = 0; i < 5; i++) {
      spare.give(new float[4]);
    }
    assertThat(spare.take(4)).hasSize(4);
    assertThat(spare.take(4)).hasSize(4);
    assertThat(spare.take(4)).isNull();
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
