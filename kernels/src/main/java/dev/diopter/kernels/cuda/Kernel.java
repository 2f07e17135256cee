package dev.diopter.kernels.cuda;

import java.util.Locale;

/** The kernels of kernels.cu, under their names there. */
enum Kernel {
  EMBED,
  NORM_SCALE,
  NORMALIZE,
  NORM_ROWS,
  ROTATE,
  AFFINE,
  ADD_BIAS,
  SUM_HEADS,
  GELU,
  SILU_TIMES,
  ADD,
  COPY_ROWS,
  TO_BFLOAT16,
  ATTENTION,
  SCORES,
  SOFTMAX,
  MIX,
  STORE,
  EDIT_CELLS,
  PROJECT_OUT;

  String symbol() {
    return name().toLowerCase(Locale.ROOT);
  }
}
