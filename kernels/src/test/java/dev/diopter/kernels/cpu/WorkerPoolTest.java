package dev.diopter.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class WorkerPoolTest {
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

  @Test
  void run_taskThatFails_failsInTheCallerAndThePoolGoesOn() {
    try (WorkerPool pool = new WorkerPool(3, 0)) {
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
  void run_severalCallersAtOnce_eachGetsItsOwn() throws Exception {
    try (WorkerPool pool = new WorkerPool(3, 0);
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

  @Test
  void close_idlePool_endsItsThreadsAndRefusesWork() throws Exception {
    WorkerPool pool = new WorkerPool(3, 0);
    Set<Thread> threads = ConcurrentHashMap.newKeySet();
    CountDownLatch all = new CountDownLatch(3);
    pool.run(
        64,
        1,
        (from, to, _) -> {
          if (threads.add(Thread.currentThread())) {
            all.countDown();
            awaitUnchecked(all);
          }
        });
    threads.remove(Thread.currentThread());
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

  private static void awaitUnchecked(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
