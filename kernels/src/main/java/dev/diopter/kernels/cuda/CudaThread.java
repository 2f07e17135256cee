package dev.diopter.kernels.cuda;

import dev.diopter.kernels.BackendException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The one thread that calls CUDA: a context belongs to an operating system thread. Tasks run in the
 * order in which they were given. What fails in a task is told to the thread that gave it, at its
 * next call; what breaks the device is told to all.
 */
final class CudaThread {
  /** Something that the thread is to do; it has the device to itself. */
  interface Task {
    void run(CudaDevice device);
  }

  /**
   * One thread's tasks. What it gives until it is told of a failure is one turn: when a task fails,
   * the rest of its turn counts on what was not done, and is left out.
   */
  private static final class Own {
    @Nullable RuntimeException failure; // the one that it was not told yet; guarded by this
    long turn; // the giver's own
    long failedTurn = -1; // the last that failed; the CUDA thread's own
    boolean unwaited; // whether tasks were given since it last waited; the giver's own
  }

  /** What is told where not even a message could be made. */
  private final BackendException broken =
      new BackendException(
          "the CUDA thread failed: close every model on the GPU and open again; if that fails, restart the program");

  private final LinkedBlockingQueue<Runnable> queue = new LinkedBlockingQueue<>();
  private final ThreadLocal<Own> own = ThreadLocal.withInitial(Own::new);
  private final Thread thread;
  private final CudaDevice device;
  private volatile @Nullable BackendException lost;
  private volatile boolean closed;
  private boolean ended; // the thread's own

  /** Starts the thread and opens a device on it. */
  CudaThread(Supplier<CudaDevice> open) {
    CompletableFuture<CudaDevice> opened = new CompletableFuture<>();
    thread = Thread.ofPlatform().daemon().name("diopter-cuda").start(() -> work(open, opened));
    try {
      device = opened.join();
    } catch (CompletionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw cause instanceof BackendException failure
          ? again(failure)
          : new BackendException("the GPU cannot be used: " + cause, cause);
    }
  }

  private void work(Supplier<CudaDevice> open, CompletableFuture<CudaDevice> opened) {
    try {
      opened.complete(open.get());
    } catch (Throwable e) {
      opened.completeExceptionally(e);
      return;
    }
    while (!ended) {
      try {
        queue.take().run();
      } catch (InterruptedException e) {
        // Nobody else knows this thread; close() ends it.
      } catch (Throwable e) {
        lost = broken; // what waits in line is told so
      }
    }
  }

  /**
   * Gives a task; returns at once, and says nothing of earlier failures: who calls may hold memory.
   */
  void run(Task task) {
    Own mine = own.get();
    mine.unwaited = true;
    long turn = mine.turn;
    give(() -> {
      if (lost != null || mine.failedTurn == turn) {
        return;
      }
      try {
        task.run(device);
      } catch (Throwable e) {
        mine.failedTurn = turn;
        keep(mine, failure(e));
      }
    });
  }

  /** Nothing gets behind the last task. */
  private synchronized void give(Runnable task) {
    live();
    queue.add(task);
  }

  /** Waits for a task and everything before it; the task is left out where that failed. */
  <T extends @Nullable Object> T call(Function<CudaDevice, T> task) {
    Own mine = own.get();
    mine.turn++; // all of the last one is done when this returns
    CompletableFuture<T> result = new CompletableFuture<>();
    give(() -> {
      try {
        BackendException gone = lost;
        if (gone != null) {
          throw gone;
        }
        rethrow(mine); // all of its tasks are done; nothing is made that nobody would get
        result.complete(task.apply(device));
      } catch (Throwable e) {
        result.completeExceptionally(failure(e));
      } finally {
        result.completeExceptionally(broken); // unless it is complete
      }
    });
    try {
      return result.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException failure ? again(failure) : e;
    }
  }

  /**
   * Waits for a task and everything before it. What fails is nobody's: the giver is a guest here.
   */
  void attempt(Task task) {
    CompletableFuture<Boolean> done = new CompletableFuture<>();
    try {
      give(() -> {
        try {
          if (lost == null) {
            task.run(device);
          }
        } catch (Throwable e) {
          failure(e); // the device may be lost with it
        } finally {
          done.complete(true);
        }
      });
    } catch (RuntimeException e) {
      return; // closed or lost meanwhile
    }
    done.join();
  }

  /** {@link #call} with a task that waits for the device. */
  <T extends @Nullable Object> T await(Function<CudaDevice, T> task) {
    T value = call(task);
    own.get().unwaited = false;
    return value;
  }

  /** Waits for the device where it may still work for this thread; throws what failed. */
  void finish() {
    open();
    if (own.get().unwaited) {
      await(device -> {
        device.await();
        return null;
      });
    }
  }

  /** Runs a last task, ends the thread. What was given before is done first. */
  void close(Task last) {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      queue.add(() -> {
        ended = true;
        last.run(device);
      });
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  boolean isClosed() {
    return closed;
  }

  /** Whether the device is beyond use: nothing of its memory can be given back. */
  boolean isLost() {
    return lost != null;
  }

  /** Throws where the device is gone or something of this thread failed; begins an operation. */
  void open() {
    live();
    Own mine = own.get();
    try {
      rethrow(mine);
    } catch (RuntimeException e) {
      mine.turn++;
      throw e;
    }
  }

  private void live() {
    if (closed) {
      throw new IllegalStateException("the cuda backend is closed");
    }
    BackendException gone = lost;
    if (gone != null) {
      throw again(gone);
    }
  }

  /** What a failed call means for the user. */
  private RuntimeException failure(Throwable e) {
    if (e instanceof CudaCalls.Failed failed) {
      if (failed.lasting()) {
        BackendException gone =
            new BackendException(
                "the GPU failed and has lost everything on it (%s): close every model on the GPU and open again; if that fails, restart the program"
                    .formatted(failed.getMessage()),
                failed);
        lost = gone;
        return gone;
      }
      return new BackendException(
          (failed.memory() ? "memory ran out: " : "the GPU refused: ") + failed.getMessage(),
          failed);
    }
    return e instanceof RuntimeException runtime
        ? runtime
        : new BackendException("the CUDA thread failed: " + e, e);
  }

  private static void keep(Own mine, RuntimeException failure) {
    synchronized (mine) {
      if (mine.failure == null) {
        mine.failure = failure;
      }
    }
  }

  private static void rethrow(Own mine) {
    RuntimeException failure;
    synchronized (mine) {
      failure = mine.failure;
      mine.failure = null;
    }
    if (failure != null) {
      throw again(failure);
    }
  }

  /** With the stack of the thread that is told. */
  private static RuntimeException again(RuntimeException failure) {
    return failure instanceof BackendException
        ? new BackendException(String.valueOf(failure.getMessage()), failure)
        : failure;
  }
}
