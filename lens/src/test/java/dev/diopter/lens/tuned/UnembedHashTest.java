package dev.diopter.lens.tuned;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The reference's fixture F5, whose texts and hashes were made with numpy. */
class UnembedHashTest {
  private static UnembedHash.Elements pattern(double divisor, int minus) {
    return (i, j) -> (float) (((37 * i + 11 * j) % 97 - minus) / divisor);
  }

  @Test
  void of_hundredths_isNumpys() {
    assertThat(UnembedHash.text(64, 64, pattern(100, 48)))
        .isEqualTo(
            """
            [[-0.5 -0.4 -0.3 ...  0.4 -0.4 -0.3]
             [-0.1  0.   0.1 ... -0.2 -0.1  0. ]
             [ 0.3  0.4  0.5 ...  0.2  0.3  0.4]
             ...
             [-0.2 -0.1  0.  ... -0.3 -0.2 -0.1]
             [ 0.2  0.3  0.4 ...  0.1  0.2  0.3]
             [-0.4 -0.3 -0.2 ...  0.4 -0.4 -0.3]]\
            """);
    assertThat(UnembedHash.of(64, 64, pattern(100, 48)))
        .isEqualTo("65d0981c0e31f2b82163284b7a9fd5ee10c9b584453f2e95eb8fac54bfac224c");
  }

  @Test
  void of_smallNumbers_isInExponents() {
    assertThat(UnembedHash.text(64, 64, pattern(100000, 48)))
        .startsWith(
            "[[-4.8e-04 -3.7e-04 -2.6e-04 ...  4.1e-04 -4.5e-04 -3.4e-04]\n [-1.1e-04  0.0e+00");
    assertThat(UnembedHash.of(64, 64, pattern(100000, 48)))
        .isEqualTo("c8166e5306b433f4c10aedc649e9c5a48b8450e3dbaa0658e576e276e8e5a1ad");
  }

  @Test
  void of_fewColumns_showsThemAll() {
    assertThat(UnembedHash.text(200, 6, pattern(10, 48)))
        .contains("\n [ 2.6  3.7  4.8 -3.8 -2.7 -1.6]\n ...\n [-3.4");
    assertThat(UnembedHash.of(200, 6, pattern(10, 48)))
        .isEqualTo("c8cdeec4b52a6690543bf0873d56eb4b79109e4689e6b74910f13ef02fba009c");
  }

  @Test
  void of_onlyPositive_needsNoPlaceForSigns() {
    assertThat(UnembedHash.of(64, 64, pattern(100, 0)))
        .isEqualTo("2eb38abfba0a7cdf5ff796dbd5f1b5553f9d27600fbe62f9ff75edf991435bca");
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void of_bundledModel_isWhatTheOriginalSaved(String model) {
    assertThat(TunedCase.unembedHash(model))
        .isEqualTo(TunedCase.lens(model).config().unembedHash());
  }
}
