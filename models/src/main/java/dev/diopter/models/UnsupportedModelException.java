package dev.diopter.models;

/**
 * A model that asks for a computation that Diopter does not have. The message names the field and
 * its value.
 */
public final class UnsupportedModelException extends ModelException {
  private static final long serialVersionUID = 1L;

  /** With the whole sentence for the user. */
  public UnsupportedModelException(String message) {
    super(message);
  }
}
