package dev.diopter.engine;

import dev.diopter.models.Tokenizer;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A tokenizer that opens on a thread of its own, so that nobody waits who gives ids. Where it
 * cannot be opened, that is said when text is first needed.
 */
final class OpeningTokenizer {
  private final FutureTask<Tokenizer> opening;

  private OpeningTokenizer(FutureTask<Tokenizer> opening) {
    this.opening = opening;
  }

  static OpeningTokenizer start(Supplier<@Nullable Tokenizer> open) {
    FutureTask<Tokenizer> task = new FutureTask<>(() -> Objects.requireNonNull(open.get()));
    Thread.ofPlatform().daemon().name("diopter-tokenizer").start(task);
    return new OpeningTokenizer(task);
  }

  /** The tokenizer, waited for; what kept it from opening is thrown again, each time. */
  Tokenizer get() {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return opening.get();
        } catch (InterruptedException e) {
          interrupted = true;
        } catch (ExecutionException e) {
          switch (e.getCause()) {
            case RuntimeException cause -> throw cause;
            case Error cause -> throw cause;
            case null, default -> throw new IllegalStateException(e);
          }
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Closes what was opened; nothing where it never opened, which {@link #get} says. */
  void close() {
    Tokenizer opened;
    try {
      opened = get();
    } catch (RuntimeException | Error e) {
      return;
    }
    opened.close();
  }
}
