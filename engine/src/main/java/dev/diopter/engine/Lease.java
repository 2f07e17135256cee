package dev.diopter.engine;

import dev.diopter.models.ModelException;

/** Counts who is using a model, so that closing it under a run is an error and not a crash. */
final class Lease {
  private final String name;
  private int uses; // -1: closed

  Lease(String name) {
    this.name = name;
  }

  /** Ends one use. */
  interface Use extends AutoCloseable {
    @Override
    void close();
  }

  /** Fails once the model is closed. */
  synchronized void requireOpen() {
    if (uses < 0) {
      throw new ModelException("%s is closed: open it again".formatted(name));
    }
  }

  synchronized Use take() {
    requireOpen();
    uses++;
    return this::giveBack;
  }

  private synchronized void giveBack() {
    uses--;
  }

  /** Closes; false if it was closed before. */
  synchronized boolean close() {
    if (uses > 0) {
      throw new ModelException(
          "%s is in use by %d runs: close it when they have ended".formatted(name, uses));
    }
    boolean first = uses == 0;
    uses = -1;
    return first;
  }
}
