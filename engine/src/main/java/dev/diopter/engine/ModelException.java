package dev.diopter.engine;

/**
 * A pass that cannot be done with this model: a prompt over its context, an id outside its vocabulary, a closed model. The message is
 * one line for the user. The command line turns it into exit code 1.
 */
public final class ModelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With the whole sentence for the user. */
  public ModelException(String message) {
    super(message);
  }
}
