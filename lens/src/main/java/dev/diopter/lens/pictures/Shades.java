package dev.diopter.lens.pictures;

/**
 * Backgrounds of an HTML page that say how large a share from 0 to 1 is: classes of a style sheet,
 * since pages have no style attributes. White over blue to navy: lightness falls evenly, so it
 * reads without colours too. Shares are shown by their square root, so that little is not nothing.
 */
public final class Shades {
  private static final int LEVELS = 20;
  private static final int[][] COLORS = {{255, 255, 255}, {107, 174, 214}, {8, 48, 107}};

  /** From here on the text is white. */
  private static final double DARK = LEVELS * 0.6;

  private Shades() {}

  /** The style sheet. */
  public static String css() {
    StringBuilder css = new StringBuilder();
    for (int i = 0; i <= LEVELS; i++) {
      double at = (double) i / LEVELS * (COLORS.length - 1);
      int low = Math.min((int) at, COLORS.length - 2);
      int[] rgb = new int[3];
      for (int c = 0; c < 3; c++) {
        rgb[c] =
            (int) Math.round(COLORS[low][c] + (at - low) * (COLORS[low + 1][c] - COLORS[low][c]));
      }
      css.append(
          ".w%d { background: #%02x%02x%02x; color: #%s; }\n"
              .formatted(i, rgb[0], rgb[1], rgb[2], i > DARK ? "fff" : "000"));
    }
    return css.toString();
  }

  /** The class of a share. */
  public static String of(double share) {
    return "w" + Math.clamp(Math.round(Math.sqrt(Math.max(0, share)) * LEVELS), 0, LEVELS);
  }
}
