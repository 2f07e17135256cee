package dev.diopter.kernels.cpu;

import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Runs a range of items on the caller and on daemon threads. Between two jobs that follow each
 * other closely, as those of a pass do, threads spin for a moment, since waking one takes longer
 * than many a job; then they park, and an idle pool uses no processor time. Chunks are handed out
 * as threads become free; how they fall changes no result, since every item is computed by itself.
 * Thread safe: several callers share the workers, and each also works on its own job, so that none
 * waits for another to begin.
 */
final class WorkerPool implements AutoCloseable {
  /** Computes items {@code from .. to - 1}. */
  interface Task {
    /** {@code scratch} is the running thread's for the time of the call. */
    void run(int from, int to, Scratch scratch);
  }

  /** Below this a job costs less than handing a part of it to another thread. */
  static final long PARALLEL_NANOS = 15_000;

  /** How long a thread looks out for work, or for the end of a job, before it parks. */
  private static final long SPIN_NANOS = 100_000;

  private static final long CHUNK_NANOS = 5_000;
  private static final int CHUNKS_PER_THREAD = 8;

  private final int threads;
  private final long parallelNanos;
  private final long spinNanos;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Condition finished = lock.newCondition();
  private final ArrayDeque<Job> jobs = new ArrayDeque<>(); // those with chunks left
  private final ArrayDeque<Scratch> spare = new ArrayDeque<>();
  private volatile int open; // jobs.size(), for threads that spin
  private volatile boolean closed;

  /** A pool that spins as suits this machine. */
  WorkerPool(int threads, long parallelNanos) {
    // With fewer processors than threads, one that spins keeps another from its work.
    this(
        threads,
        parallelNanos,
        threads <= Runtime.getRuntime().availableProcessors() ? SPIN_NANOS : 0);
  }

  /**
   * Starts {@code threads - 1} workers: the caller is the other one.
   *
   * @param parallelNanos jobs expected to be shorter stay on the caller
   * @param spinNanos how long a thread looks out for work, or for the end of a job, before it parks
   */
  WorkerPool(int threads, long parallelNanos, long spinNanos) {
    this.threads = threads;
    this.parallelNanos = parallelNanos;
    this.spinNanos = spinNanos;
    for (int i = 1; i < threads; i++) {
      Thread.ofPlatform().daemon().name("diopter-cpu-" + i).start(this::work);
    }
  }

  int threads() {
    return threads;
  }

  /** Runs a task over {@code 0 .. items - 1} and returns when all of it is done. */
  void run(int items, long nanosPerItem, Task task) {
    Scratch scratch = borrow();
    try {
      run(items, nanosPerItem, scratch, task);
    } finally {
      giveBack(scratch);
    }
  }

  /**
   * {@link #run(int, long, Task)} on scratch that the caller holds.
   *
   * @throws IllegalStateException after {@link #close}
   */
  void run(int items, long nanosPerItem, Scratch scratch, Task task) {
    if (items == 0) {
      return;
    }
    long nanos = Math.max(1, nanosPerItem);
    long least = Math.max(1, parallelNanos == 0 ? 1 : CHUNK_NANOS / nanos);
    long chunk = Math.max(least, items / ((long) threads * CHUNKS_PER_THREAD));
    if (threads == 1 || chunk >= items || items * nanos < parallelNanos) {
      task.run(0, items, scratch);
      return;
    }
    Job job = new Job(task, items, (int) chunk);
    lock.lock();
    try {
      requireOpen();
      jobs.addLast(job);
      open = jobs.size();
      for (int wanted = Math.min(threads, job.chunks) - 1; wanted > 0; wanted--) {
        work.signal();
      }
    } finally {
      lock.unlock();
    }
    job.drain(scratch);
    await(job);
    job.rethrow();
  }

  /** Scratch for the time of one operation. */
  Scratch borrow() {
    lock.lock();
    try {
      requireOpen();
      Scratch scratch = spare.pollLast();
      return scratch == null ? new Scratch() : scratch;
    } finally {
      lock.unlock();
    }
  }

  void giveBack(Scratch scratch) {
    lock.lock();
    try {
      spare.addLast(scratch);
    } finally {
      lock.unlock();
    }
  }

  /** Stops the workers once they have finished what they are at. Idempotent. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      spare.clear();
      work.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the cpu backend is closed");
    }
  }

  private void await(Job job) {
    lock.lock();
    try {
      remove(job);
    } finally {
      lock.unlock();
    }
    long started = System.nanoTime();
    while (job.workers.get() > 0 && spins(started)) {
      Thread.onSpinWait();
    }
    lock.lock();
    try {
      while (job.workers.get() > 0) {
        finished.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  private void work() {
    Scratch scratch = new Scratch();
    boolean more = true;
    while (more) {
      more = serve(scratch);
    }
  }

  /**
   * Waits for a job and works on it; false when the pool is closed. A method of its own, so that a
   * thread that waits holds no job: it may wait for hours, and a task refers to a pass's arrays.
   */
  private boolean serve(Scratch scratch) {
    Job job = next();
    if (job == null) {
      return false;
    }
    job.drain(scratch);
    leave(job);
    return true;
  }

  /** Joins the next job, waiting for it; null when the pool is closed. */
  private @Nullable Job next() {
    long started = System.nanoTime();
    while (true) {
      lookOut(started);
      lock.lock();
      try {
        Job job = jobs.peekFirst();
        if (job != null) {
          job.workers.incrementAndGet();
          return job;
        }
        if (closed) {
          return null;
        }
        // Others were faster: more may come while the time to look out lasts.
        if (!spins(started)) {
          work.awaitUninterruptibly();
          started = System.nanoTime();
        }
      } finally {
        lock.unlock();
      }
    }
  }

  private void leave(Job job) {
    lock.lock();
    try {
      remove(job);
      if (job.workers.decrementAndGet() == 0) {
        finished.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Under the lock. */
  private void remove(Job job) {
    jobs.remove(job);
    open = jobs.size();
  }

  private void lookOut(long started) {
    while (open == 0 && !closed && spins(started)) {
      Thread.onSpinWait();
    }
  }

  private boolean spins(long started) {
    return System.nanoTime() - started < spinNanos;
  }

  /** One range of items. {@code workers} is written under the pool's lock. */
  private static final class Job {
    private final Task task;
    private final int items;
    private final int chunk;
    private final int chunks;
    private final AtomicInteger taken = new AtomicInteger();
    private final AtomicInteger workers = new AtomicInteger();
    private @Nullable Throwable failure; // under this job's monitor

    Job(Task task, int items, int chunk) {
      this.task = task;
      this.items = items;
      this.chunk = chunk;
      this.chunks = (items + chunk - 1) / chunk;
    }

    /** Computes chunks until none is left. A failure empties the range for everybody. */
    void drain(Scratch scratch) {
      try {
        for (int c = taken.getAndIncrement(); c < chunks; c = taken.getAndIncrement()) {
          int from = c * chunk;
          task.run(from, Math.min(chunk, items - from) + from, scratch);
        }
      } catch (RuntimeException | Error e) {
        taken.set(chunks);
        failed(e);
      }
    }

    /**
     * The first failure is kept and the others are added to it; an error goes before exceptions.
     */
    private synchronized void failed(Throwable next) {
      Throwable before = failure;
      if (before == null) {
        failure = next;
        return;
      }
      boolean worse = next instanceof Error && !(before instanceof Error);
      Throwable kept = worse ? next : before;
      Throwable other = worse ? before : next;
      if (!kept.equals(other)) { // a task may throw one object on several threads
        kept.addSuppressed(other);
      }
      failure = kept;
    }

    synchronized void rethrow() {
      if (failure instanceof Error error) {
        throw error;
      }
      if (failure instanceof RuntimeException exception) {
        throw exception;
      }
    }
  }
}
