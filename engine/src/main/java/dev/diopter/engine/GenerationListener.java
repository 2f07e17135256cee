package dev.diopter.engine;

/** Hears of tokens as they are generated, on the generating thread. */
@FunctionalInterface
public interface GenerationListener {
  /** Hears nothing. */
  GenerationListener NONE = (sequence, step, id) -> {};

  /**
   * A token was chosen.
   *
   * @param sequence index of the prompt
   * @param step 0 for the first new token
   * @param id the token
   */
  void token(int sequence, int step, int id);
}
