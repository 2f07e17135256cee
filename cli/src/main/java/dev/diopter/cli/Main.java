package dev.diopter.cli;

/** The entry point of the {@code diopter} command. */
public final class Main {

  private Main() {}

  /**
   * Runs the command.
   *
   * @param arguments the words after {@code diopter}
   */
  public static void main(String[] arguments) {
    System.out.println("diopter 0.1.0-SNAPSHOT");
  }
}
