package dev.diopter.lens.pictures;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class MatrixImageTest {
  private static final ColorScale VIRIDIS = ColorScale.named("viridis");
  private static final ColorScale BLUES = ColorScale.named("Blues");

  @Test
  void unit_knownMatrix_hasTheColoursOfPatternLens() {
    Matrix matrix = Matrix.of(new float[][] {{0, 0.5f}, {1, 0.75f}});
    assertThat(MatrixImage.unit(VIRIDIS).draw(matrix).rgb())
        .containsExactly(rgb(68, 1, 84), rgb(32, 144, 140), rgb(253, 231, 36), rgb(94, 201, 97));
    assertThat(MatrixImage.unit(BLUES).draw(matrix).rgb())
        .containsExactly(
            rgb(247, 251, 255), rgb(106, 173, 213), rgb(8, 48, 107), rgb(32, 112, 180));
    Matrix causal = Matrix.of(new float[][] {{1, 0, 0}, {0.5f, 0.5f, 0}, {0.2f, 0.3f, 0.5f}});
    assertThat(MatrixImage.unit(BLUES).draw(causal).rgb())
        .endsWith(rgb(207, 225, 242), rgb(182, 212, 233), rgb(106, 173, 213));
  }

  @Test
  void normalized_knownMatrix_runsFromLeastToLargest() {
    Matrix matrix = Matrix.of(new float[][] {{2, 4}, {6, 8}});
    assertThat(MatrixImage.normalized(VIRIDIS).draw(matrix).rgb())
        .containsExactly(rgb(68, 1, 84), rgb(48, 103, 141), rgb(53, 183, 120), rgb(253, 231, 36));
    assertThat(MatrixImage.normalized(VIRIDIS).least(0).draw(matrix).rgb())
        .startsWith(VIRIDIS.entry(64), VIRIDIS.entry(128));
  }

  @Test
  void symmetric_knownMatrix_hasZeroInTheMiddle() {
    Matrix matrix = Matrix.of(new float[][] {{-1, 0}, {0.5f, 2}});
    assertThat(MatrixImage.symmetric(ColorScale.named("RdBu")).draw(matrix).rgb())
        .containsExactly(
            rgb(229, 131, 104), rgb(246, 246, 246), rgb(191, 220, 235), rgb(5, 48, 97));
  }

  @Test
  void draw_equalNumbers_haveTheLowEndAndZerosTheMiddle() {
    Matrix ones = Matrix.of(new float[][] {{1}});
    assertThat(MatrixImage.normalized(BLUES).draw(ones).rgb()).containsExactly(0xF7FBFF);
    Matrix zeros = Matrix.of(new float[][] {{0, 0}});
    assertThat(MatrixImage.symmetric(BLUES).draw(zeros).rgb())
        .containsExactly(BLUES.entry(128), BLUES.entry(128));
  }

  @Test
  void draw_cellsWithoutNumber_haveTheirOwnColour() {
    Matrix matrix = Matrix.of(new float[][] {{Float.NaN, 1}});
    assertThat(MatrixImage.unit(BLUES).draw(matrix).rgb()).containsExactly(0, 0x08306B);
    assertThat(MatrixImage.unit(BLUES).missing(0x123456).draw(matrix).rgb())
        .containsExactly(0x123456, 0x08306B);
  }

  @Test
  void draw_wideMatrix_isAsWideAsItsColumns() {
    Raster raster = MatrixImage.unit(BLUES).draw(new Matrix(5, 10, new float[50]));
    assertThat(raster.width()).isEqualTo(10);
    assertThat(raster.height()).isEqualTo(5);
  }

  @Test
  void draw_outsideOfTheRange_isRefused() {
    Matrix matrix = Matrix.of(new float[][] {{-1, 2}, {3, 4}});
    assertThatThrownBy(() -> MatrixImage.unit(BLUES).draw(matrix))
        .hasMessage("expected values from 0 to 1, or a range of the matrix's own, got -1.0 to 4.0");
    assertThatThrownBy(() -> MatrixImage.normalized(BLUES).least(0).draw(matrix))
        .hasMessage("expected a least value of at most -1.0 and below 4.0, got 0.0");
    assertThatThrownBy(() -> MatrixImage.symmetric(BLUES).least(0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Matrix.of(new float[0][0]))
        .hasMessage("expected a matrix of at least one cell, got none");
    assertThatThrownBy(() -> Matrix.of(new float[][] {{1, 2}, {3}}))
        .hasMessage("expected rows of one length, got 2 and 1");
  }

  private static int rgb(int red, int green, int blue) {
    return red << 16 | green << 8 | blue;
  }
}
