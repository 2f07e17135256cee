package dev.diopter.lens.tuned.training;

/** A training or evaluation that cannot go on: too little data, a loss that is no number. */
public final class TrainingException extends RuntimeException {
  private static final long serialVersionUID = 1;

  TrainingException(String message) {
    super(message);
  }
}
