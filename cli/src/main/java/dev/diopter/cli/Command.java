package dev.diopter.cli;

/** A command whose arguments have been read. */
interface Command {

  /**
   * Does the work; whatever goes wrong is thrown and becomes one line and an exit code in {@link
   * Failures}.
   */
  void run();

  /** How it speaks. */
  OutputOptions output();
}
