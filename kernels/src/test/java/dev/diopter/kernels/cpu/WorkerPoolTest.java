package dev.diopter.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerPoolTest {
  /** Long enough to see the next job of a loop, short enough to park between tests' steps. */
  private static final long SPIN = 200_000;

  private static final long FOREVER = 3_600_000_000_000L;

  private static final long DEADLINE = 20_000_000_000L;

  @Test
  void run_anyItemsAndThreads_coversEachOnce() {
    for (int threads = 1; threads <= 17; threads++) {
      try (WorkerPool pool = new WorkerPool(threads, 0)) {
        for (int items = 0; items <= 200; items++) {
          AtomicIntegerArray seen = new AtomicIntegerArray(items);
          pool.run(
              items,
              1,
              (from, to, _) -> {
                for (int i = from; i < to; i++) {
                  seen.incrementAndGet(i);
                }
              });
          for (int i = 0; i < items; i++) {
            assertThat(seen.get(i)).as("item %d of %d", i, items).isEqualTo(1);
          }
        }
      }
    }
  }

  @Test
  void run_smallJob_staysOnTheCaller() {
    try (WorkerPool pool = new WorkerPool(4, WorkerPool.PARALLEL_NANOS)) {
      Set<Thread> threads = ConcurrentHashMap.newKeySet();
      pool.run(1000, 10, (from, to, _) -> threads.add(Thread.currentThread()));
      assertThat(threads).containsExactly(Thread.currentThread());
    }
  }

  @Test
  void run_largeJob_usesEveryThread() {
    try (WorkerPool pool = new WorkerPool(3, WorkerPool.PARALLEL_NANOS)) {
      Set<Thread> threads = ConcurrentHashMap.newKeySet();
      CountDownLatch all = new CountDownLatch(3);
      pool.run(
          100,
          1_000_000,
          (from, to, _) -> {
            if (threads.add(Thread.currentThread())) {
              all.countDown();
              awaitUnchecked(all);
            }
          });
      assertThat(threads).hasSize(3);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, SPIN})
  void run_taskThatFails_failsInTheCallerAndThePoolGoesOn(long spin) {
    try (WorkerPool pool = new WorkerPool(3, 0, spin)) {
      for (int bad = 0; bad < 50; bad++) {
        int at = bad;
        assertThatThrownBy(() ->
                pool.run(
                    50,
                    1,
                    (from, to, _) -> {
                      if (from <= at && at < to) {
                        throw new ArithmeticException("item " + at);
                      }
                    }))
            .isInstanceOf(ArithmeticException.class)
            .hasMessage("item " + at);
      }
      assertThatThrownBy(() ->
              pool.run(
                  50,
                  1,
                  (from, to, _) -> {
                    throw new StackOverflowError();
                  }))
          .isInstanceOf(StackOverflowError.class);
      int[] sum = new int[1];
      pool.run(1, 1, (from, to, _) -> sum[0] = to);
      assertThat(sum[0]).isEqualTo(1);
    }
  }

  @Test
  void run_severalChunksFail_theFirstIsThrownWithTheOthers() {
    try (WorkerPool pool = new WorkerPool(3, 0, SPIN)) {
      CountDownLatch all = new CountDownLatch(3);
      Set<RuntimeException> thrown = ConcurrentHashMap.newKeySet();
      assertThatThrownBy(() ->
              pool.run(
                  3,
                  1,
                  (from, to, _) -> {
                    meet(all);
                    RuntimeException e = new ArithmeticException("item " + from);
                    thrown.add(e);
                    throw e;
                  }))
          .satisfies(e -> {
            Set<Throwable> others = new HashSet<>(thrown);
            others.remove(e);
            assertThat(others).hasSize(2);
            assertThat(e.getSuppressed()).containsExactlyInAnyOrderElementsOf(others);
          });
    }
  }

  @Test
  void run_anErrorAmongFailures_isWhatIsThrown() {
    try (WorkerPool pool = new WorkerPool(3, 0, SPIN)) {
      for (int round = 0; round < 100; round++) {
        CountDownLatch all = new CountDownLatch(3);
        int bad = round % 3;
        assertThatThrownBy(() ->
                pool.run(
                    3,
                    1,
                    (from, to, _) -> {
                      meet(all);
                      if (from == bad) {
                        throw new AssertionError("the error");
                      }
                      throw new ArithmeticException("an exception");
                    }))
            .isInstanceOf(AssertionError.class)
            .hasMessage("the error")
            .satisfies(e -> assertThat(allBehind(e)).hasSize(2));
      }
    }
  }

  /** Suppressed throwables and theirs. */
  private static List<Throwable> allBehind(Throwable e) {
    List<Throwable> found = new ArrayList<>();
    for (Throwable s : e.getSuppressed()) {
      found.add(s);
      found.addAll(allBehind(s));
    }
    return found;
  }

  @Test
  void run_oneExceptionThrownByEveryThread_isThrownAsItIs() {
    try (WorkerPool pool = new WorkerPool(3, 0, SPIN)) {
      CountDownLatch all = new CountDownLatch(3);
      ArithmeticException one = new ArithmeticException("one");
      assertThatThrownBy(() ->
              pool.run(
                  3,
                  1,
                  (from, to, _) -> {
                    meet(all);
                    throw one;
                  }))
          .isSameAs(one)
          .hasNoSuppressedExceptions();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, SPIN})
  void run_severalCallersAtOnce_eachGetsItsOwn(long spin) throws Exception {
    try (WorkerPool pool = new WorkerPool(3, 0, spin);
        ExecutorService callers = Executors.newFixedThreadPool(6)) {
      List<Future<?>> runs = new ArrayList<>();
      for (int c = 0; c < 6; c++) {
        int caller = c;
        runs.add(
            callers.submit(() -> {
              for (int round = 0; round < 300; round++) {
                int[] cells = new int[97];
                int mark = caller * 1000 + round;
                pool.run(
                    cells.length,
                    1,
                    (from, to, scratch) -> {
                      float[] own = scratch.sums(97);
                      for (int i = from; i < to; i++) {
                        own[i] = mark;
                      }
                      for (int i = from; i < to; i++) {
                        cells[i] = (int) own[i];
                      }
                    });
                assertThat(cells).containsOnly(mark);
              }
            }));
      }
      for (Future<?> run : runs) {
        run.get();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, SPIN, FOREVER})
  void close_idlePool_endsItsThreadsAndRefusesWork(long spin) throws Exception {
    WorkerPool pool = new WorkerPool(3, 0, spin);
    Set<Thread> threads = workers(pool);
    assertThat(threads).hasSize(2).allMatch(Thread::isDaemon);
    pool.close();
    pool.close();
    for (Thread thread : threads) {
      thread.join(10_000);
      assertThat(thread.isAlive()).isFalse();
    }
    assertThatIllegalStateException()
        .isThrownBy(() -> pool.run(10, 1, (from, to, _) -> {}))
        .withMessage("the cpu backend is closed");
  }

  @ParameterizedTest
  @ValueSource(longs = {0, SPIN})
  void idle_afterAJob_threadsPark(long spin) {
    try (WorkerPool pool = new WorkerPool(3, 0, spin)) {
      for (Thread thread : workers(pool)) {
        assertThat(reaches(thread, Thread.State.WAITING)).as(thread.getName()).isTrue();
      }
    }
  }

  /** A worker that comes too late for a job goes on looking out: the next follows closely. */
  @Test
  void lookOut_jobsThatOthersFinish_doNotParkWorkers() throws Exception {
    try (WorkerPool pool = new WorkerPool(3, 0, FOREVER);
        ExecutorService callers = Executors.newFixedThreadPool(4)) {
      Set<Thread> threads = workers(pool);
      for (int round = 0; round < 20; round++) {
        List<Future<?>> runs = new ArrayList<>();
        for (int c = 0; c < 4; c++) {
          runs.add(
              callers.submit(() -> {
                for (int job = 0; job < 200; job++) {
                  pool.run(2, 1, (from, to, _) -> {});
                }
              }));
        }
        for (Future<?> run : runs) {
          run.get();
        }
        for (Thread thread : threads) {
          assertThat(reaches(thread, Thread.State.RUNNABLE)).as("round %d", round).isTrue();
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, SPIN})
  void idle_afterAJob_keepsNothingOfItsTaskReachable(long spin) {
    try (WorkerPool pool = new WorkerPool(3, 0, spin)) {
      WeakReference<Object> captured = runWithAnObject(pool);
      long end = System.nanoTime() + DEADLINE;
      while (captured.get() != null && System.nanoTime() < end) {
        System.gc();
      }
      assertThat(captured.get()).isNull();
    }
  }

  private static WeakReference<Object> runWithAnObject(WorkerPool pool) {
    Object object = new Object();
    CountDownLatch all = new CountDownLatch(3);
    pool.run(
        3,
        1,
        (from, to, _) -> {
          meet(all);
          assertThat(object).isNotNull();
        });
    return new WeakReference<>(object);
  }

  /** The pool's own threads. */
  private static Set<Thread> workers(WorkerPool pool) {
    Set<Thread> threads = ConcurrentHashMap.newKeySet();
    CountDownLatch all = new CountDownLatch(pool.threads());
    pool.run(
        64,
        1,
        (from, to, _) -> {
          if (threads.add(Thread.currentThread())) {
            meet(all);
          }
        });
    threads.remove(Thread.currentThread());
    return threads;
  }

  private static boolean reaches(Thread thread, Thread.State state) {
    long end = System.nanoTime() + DEADLINE;
    while (thread.getState() != state && System.nanoTime() < end) {
      Thread.yield();
    }
    return thread.getState() == state;
  }

  /** Waits until all threads are here, so that each has a part of the job. */
  private static void meet(CountDownLatch latch) {
    latch.countDown();
    awaitUnchecked(latch);
  }

  private static void awaitUnchecked(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
