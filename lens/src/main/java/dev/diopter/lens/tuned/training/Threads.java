package dev.diopter.lens.tuned.training;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;

/** Does the same for several layers at a time. Given work by one thread. */
final class Threads implements AutoCloseable {
  private final ExecutorService service;
  private final int count;

  Threads(int count) {
    this.count = count;
    service =
        Executors.newFixedThreadPool(
            count, Thread.ofPlatform().daemon().name("diopter-lens-", 0).factory());
  }

  /** How many there are. */
  int count() {
    return count;
  }

  /** Runs the task for 0 to count - 1 and returns when all are done; throws what one threw. */
  void forEach(int count, IntConsumer task) {
    List<Future<?>> running = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int index = i;
      running.add(service.submit(() -> task.accept(index)));
    }
    Throwable failure = null;
    for (Future<?> each : running) {
      try {
        each.get();
      } catch (ExecutionException e) {
        failure = failure == null ? e.getCause() : failure;
      } catch (InterruptedException e) {
        service.shutdownNow();
        Thread.currentThread().interrupt();
        throw new TrainingException("interrupted");
      }
    }
    switch (failure) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case null, default -> {}
    }
  }

  @Override
  public void close() {
    service.shutdown();
  }
}
