package dev.diopter.web;

/** A request that is not carried out: its status, and one line for whoever asked. */
final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;
  private final String allowed;

  Refusal(int status, String message) {
    this(status, message, "GET, HEAD");
  }

  private Refusal(int status, String message, String allowed) {
    super(message, null, false, false);
    this.status = status;
    this.allowed = allowed;
  }

  /** Another method than the one that is allowed. */
  static Refusal method(String allowed, String got) {
    return new Refusal(405, "expected %s, got %s".formatted(allowed, got), allowed);
  }

  /** The methods that are allowed, for status 405. */
  String allowed() {
    return allowed;
  }

  int status() {
    return status;
  }
}
