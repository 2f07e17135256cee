package dev.diopter.cli;

import dev.diopter.engine.Model;
import org.jspecify.annotations.Nullable;

/**
 * The models of a patchscope: one, or one for each side.
 *
 * @param from what reads the source
 * @param to what reads the target; the same where one model does both
 */
record ScopeModels(Model from, Model to) implements AutoCloseable {

  static ScopeModels open(
      String name,
      @Nullable String other,
      ComputeOptions compute,
      Screen screen,
      OutputOptions output) {
    Model from = compute.open(name, screen, output);
    if (other == null) {
      return new ScopeModels(from, from);
    }
    try {
      return new ScopeModels(from, compute.open(other, screen, output));
    } catch (RuntimeException | Error e) {
      from.close();
      throw e;
    }
  }

  @Override
  public void close() {
    from.close();
    to.close(); // Idempotent.
  }
}
