package dev.diopter.cli;

/** Colours of a terminal, or none at all. */
final class Style {
  private static final String RESET = "\u001b[0m";

  /** Backgrounds from nothing to sure, of a 256-colour terminal: greys, then cyans. */
  private static final int[] HEAT = {235, 236, 237, 238, 23, 23, 30, 30, 30, 37, 37};

  /** The first one that wants dark text. */
  private static final int FIRST_LIGHT = 9;

  private final boolean on;

  private Style(boolean on) {
    this.on = on;
  }

  static Style of(Screen screen) {
    return new Style(screen.colour());
  }

  /** No colours. */
  static Style plain() {
    return new Style(false);
  }

  String bold(String text) {
    return wrap("1", text);
  }

  String faint(String text) {
    return wrap("2", text);
  }

  String title(String text) {
    return wrap("1;36", text);
  }

  /** The text on a background that says how large a probability is. */
  String heat(String text, double probability) {
    int level = Math.clamp(Math.round(probability * (HEAT.length - 1)), 0, HEAT.length - 1);
    return wrap((level >= FIRST_LIGHT ? "38;5;16" : "38;5;255") + ";48;5;" + HEAT[level], text);
  }

  /** The text in the colour of a bar. */
  String bar(String text) {
    return wrap("36", text);
  }

  private String wrap(String code, String text) {
    return on ? "\u001b[" + code + "m" + text + RESET : text;
  }
}
