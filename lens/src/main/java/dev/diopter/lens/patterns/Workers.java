package dev.diopter.lens.patterns;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A few threads and a short queue: who gives work waits while the queue is full, so that memory
 * stays bounded. What a task throws stops the rest and comes out of {@link #close} or the next
 * {@link #run}. Given work by one thread.
 */
final class Workers implements AutoCloseable {
  private static final int QUEUED_EACH = 2;

  private final ExecutorService threads;
  private final Semaphore room;
  private final int places;
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

  Workers(int count) {
    threads =
        Executors.newFixedThreadPool(
            count, Thread.ofPlatform().daemon().name("diopter-patterns-", 0).factory());
    places = count * (1 + QUEUED_EACH);
    room = new Semaphore(places);
  }

  /** Gives a task, when there is room for it. */
  void run(Runnable task) {
    room.acquireUninterruptibly();
    rethrow();
    threads.execute(() -> {
      try {
        if (failure.get() == null) {
          task.run();
        }
      } catch (RuntimeException | Error e) {
        failure.compareAndSet(null, e);
      } finally {
        room.release();
      }
    });
  }

  /** Waits until all work is done. */
  void drain() {
    room.acquireUninterruptibly(places);
    room.release(places);
    rethrow();
  }

  private void rethrow() {
    switch (failure.get()) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case null, default -> {}
    }
  }

  /** Waits for what is under way; what was thrown has been told by {@link #drain}. */
  @Override
  public void close() {
    threads.shutdown();
    boolean interrupted = false;
    while (true) {
      try {
        if (threads.awaitTermination(1, TimeUnit.DAYS)) {
          break;
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
