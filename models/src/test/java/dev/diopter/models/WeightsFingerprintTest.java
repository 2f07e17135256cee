package dev.diopter.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WeightsFingerprintTest {
  private static StoredTensor tensor(String name, byte[] bytes, Integer... shape) {
    return new StoredTensor(name, TensorType.F32, List.of(shape), MemorySegment.ofArray(bytes));
  }

  private static String of(byte[] bytes) {
    return WeightsFingerprint.of(List.of(tensor("a", bytes, bytes.length / 4)));
  }

  @Test
  void of_anyByteOfASmallTensor_counts() {
    String before = of(new byte[40]);
    for (int i = 0; i < 40; i++) {
      byte[] changed = new byte[40];
      changed[i] = 1;
      assertThat(of(changed)).isNotEqualTo(before);
    }
    assertThat(before).matches("[0-9a-f]{64}");
  }

  @Test
  void of_shapeAndOrderCount_namesDoNot() {
    byte[] bytes = {1, 0, 0, 0, 2, 0, 0, 0};
    String wide = WeightsFingerprint.of(List.of(tensor("a", bytes, 1, 2)));
    assertThat(WeightsFingerprint.of(List.of(tensor("b", bytes, 1, 2)))).isEqualTo(wide);
    assertThat(WeightsFingerprint.of(List.of(tensor("a", bytes, 2, 1)))).isNotEqualTo(wide);
    StoredTensor one = tensor("a", new byte[] {1, 0, 0, 0}, 1);
    StoredTensor two = tensor("b", new byte[] {2, 0, 0, 0}, 1);
    assertThat(WeightsFingerprint.of(List.of(one, two)))
        .isNotEqualTo(WeightsFingerprint.of(List.of(two, one)));
  }

  @Test
  void of_largeTensor_countsItsEndsAndBlocksBetween() {
    byte[] bytes = new byte[(int) WeightsFingerprint.WHOLE * 3 + 4];
    String before = of(bytes);
    for (int at : new int[] {0, WeightsFingerprint.BLOCK - 1, bytes.length - 1}) {
      bytes[at] = 1;
      assertThat(of(bytes)).isNotEqualTo(before);
      bytes[at] = 0;
    }
    java.util.Arrays.fill(bytes, bytes.length / 2, bytes.length / 2 + 16384, (byte) 1);
    assertThat(of(bytes)).isNotEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void fingerprint_bundledModel_isTheSameEachTime(String name) {
    try (OpenModel first = ModelStore.system().open(name);
        OpenModel second = ModelStore.system().open(name);
        OpenModel other =
            ModelStore.system().open(name.equals("demo-gpt2") ? "demo-llama" : "demo-gpt2")) {
      assertThat(first.fingerprint())
          .isEqualTo(second.fingerprint())
          .isNotEqualTo(other.fingerprint());
    }
  }
}
