package dev.diopter.lens.pictures;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.MessageDigest;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ColorScaleTest {

  /** The checksums are of matplotlib's tables, cut to 8 bits. */
  @ParameterizedTest
  @CsvSource({
    "viridis, 96a1f6f37d4041f953def955ffb8b9ea2110a9b4e3c9b701182d48f7a9774c58",
    "plasma, 3c079586af5e937166b831cf38703adbeb1198aa6bb3f176495e231423a3c14c",
    "Blues, dabb29b9a7853be5878d2c21321611ab5a99c829076dbec281e9c29990bbd1cc",
    "RdBu, ab1fcfcca1205ddff57e88a96e84d53e688ea7b2a3034fc76a82031ccc091982"
  })
  void named_table_isMatplotlibs(String name, String sha256) throws Exception {
    ColorScale scale = ColorScale.named(name);
    byte[] bytes = new byte[3 * ColorScale.SIZE];
    for (int i = 0; i < ColorScale.SIZE; i++) {
      int rgb = scale.entry(i);
      bytes[3 * i] = (byte) (rgb >> 16);
      bytes[3 * i + 1] = (byte) (rgb >> 8);
      bytes[3 * i + 2] = (byte) rgb;
    }
    assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)))
        .isEqualTo(sha256);
  }

  @Test
  void color_anyNumber_isCutToTheTable() {
    ColorScale scale = ColorScale.named("Blues");
    assertThat(scale.color(0)).isEqualTo(0xF7FBFF);
    assertThat(scale.color(Math.nextDown(1 / 256f))).isEqualTo(scale.entry(0));
    assertThat(scale.color(1 / 256f)).isEqualTo(scale.entry(1));
    assertThat(scale.color(Math.nextDown(1f))).isEqualTo(0x08306B);
    assertThat(scale.color(1)).isEqualTo(0x08306B);
    assertThat(scale.color(7)).isEqualTo(0x08306B);
    assertThat(scale.color(-3)).isEqualTo(0xF7FBFF);
    assertThat(scale.color(Float.POSITIVE_INFINITY)).isEqualTo(0x08306B);
    assertThat(scale.color(Float.NaN)).isZero();
  }

  @Test
  void named_unknown_namesWhatThereIs() {
    assertThatThrownBy(() -> ColorScale.named("viridiz"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "expected a colour scale (viridis, plasma, Blues, RdBu), got viridiz; did you mean viridis?");
  }
}
