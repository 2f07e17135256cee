package dev.diopter.kernels.cuda;

import static dev.diopter.kernels.cuda.CudaCalls.check;

import dev.diopter.kernels.BackendException;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.SequencedSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * Device memory, kept for reuse by size: passes of the same shape allocate nothing, and allocating
 * is what makes a device wait. Blocks may change hands as soon as they are released, because
 * everything happens in the order of one stream. So they may be freed, if who frees them picked
 * them before it gave the task: what others released later is still in use by what waits behind it.
 * Safe to share.
 */
final class DeviceMemory {
  /** A piece of memory, and how much of it there is. */
  record Block(DevicePointer pointer, long bytes) {
    long address() {
      return pointer.address();
    }
  }

  private static final long ALIGNMENT = 256;

  /** Most bytes that wait for reuse; what is more goes back to the driver. */
  private static final long MOST_IDLE = 1L << 30;

  /** With assertions on, memory comes as NaN, so that tests find whoever reads before writing. */
  private static final boolean SPOIL = DeviceMemory.class.desiredAssertionStatus();

  /** Those of all backends that are open: they share one device. */
  private static final Set<DeviceMemory> OPEN = ConcurrentHashMap.newKeySet();

  private static final int COLLECTIONS = 3;
  private static final int COLLECTION_MILLIS = 100;

  private final CudaThread thread;
  private final long mostIdle;
  private final boolean spoil;
  private final Set<Block> all = new HashSet<>(); // guarded by this
  private final Set<Block> out = new HashSet<>(); // of them, those in use; guarded by this
  private final Map<Long, Deque<Block>> idle = new HashMap<>(); // by size; guarded by this
  private final SequencedSet<Block> idleByAge =
      new LinkedHashSet<>(); // oldest first; guarded by this
  private long idleBytes; // guarded by this
  private final ReferenceQueue<Object> dropped = new ReferenceQueue<>();
  private final Map<Block, Owned> owned = new HashMap<>(); // guarded by this

  /** Memory whose owner may be forgotten without being released. */
  private static final class Owned extends PhantomReference<Object> {
    private final Block block;

    Owned(Object owner, ReferenceQueue<Object> queue, Block block) {
      super(owner, queue);
      this.block = block;
    }
  }

  DeviceMemory(CudaThread thread) {
    this(thread, MOST_IDLE, SPOIL);
  }

  /** With the most bytes that wait for reuse, and whether memory comes as NaN. */
  DeviceMemory(CudaThread thread, long mostIdle, boolean spoil) {
    this.thread = thread;
    this.mostIdle = mostIdle;
    this.spoil = spoil;
    OPEN.add(this);
  }

  /** Memory with unspecified contents. */
  Block allocate(long wanted) {
    thread.open();
    long bytes = Math.max(ALIGNMENT, (wanted + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    Block block = reuse(bytes);
    if (block == null) {
      collect();
      block = freshOrFreed(bytes);
    }
    for (int i = 0; block == null && i < COLLECTIONS; i++) {
      // Keys and values that nobody can reach any more hold memory until they are collected.
      System.gc();
      awaitDropped();
      block = freshOrFreed(bytes);
    }
    if (block == null) {
      throw noRoom(bytes);
    }
    synchronized (this) {
      out.add(block);
    }
    if (spoil) {
      Block spoiled = block;
      thread.run(device -> device.fill(spoiled.pointer, -1, bytes / Integer.BYTES));
    }
    return block;
  }

  private synchronized @Nullable Block reuse(long bytes) {
    Deque<Block> waiting = idle.get(bytes);
    Block block = waiting == null ? null : waiting.pollLast();
    if (block != null) {
      idleByAge.remove(block);
      idleBytes -= bytes;
    }
    return block;
  }

  /** From the driver; null where it has none even after idle memory went back. */
  private @Nullable Block freshOrFreed(long bytes) {
    Block block = fresh(bytes, pickCrowd());
    if (block == null) {
      block = fresh(bytes, pick(0));
    }
    return block == null && othersGiveUp() ? fresh(bytes, pick(0)) : block;
  }

  /** Lets the other backends give back what only waits for reuse; whether there was anything. */
  boolean othersGiveUp() {
    boolean any = false;
    for (DeviceMemory each : OPEN) {
      any |= each != this && each.giveUp();
    }
    return any;
  }

  private boolean giveUp() {
    Deque<Block> picked = pick(0);
    if (picked.isEmpty()) {
      return false;
    }
    thread.attempt(device -> free(picked));
    putBack(picked);
    return true;
  }

  /** From the driver, after it got these back. */
  private @Nullable Block fresh(long bytes, Deque<Block> picked) {
    return freeing(
        picked,
        device -> {
          DevicePointer pointer = new DevicePointer();
          if (!tryAllocate(pointer, bytes)) {
            return null;
          }
          Block block = new Block(pointer, bytes);
          synchronized (this) {
            all.add(block);
          }
          return block;
        });
  }

  private static boolean tryAllocate(DevicePointer pointer, long bytes) {
    try {
      check(() -> JCudaDriver.cuMemAlloc(pointer, bytes), "cuMemAlloc of " + bytes + " bytes");
      return true;
    } catch (CudaCalls.Failed e) {
      if (e.memory()) {
        return false;
      }
      throw e;
    }
  }

  /** A call before which these go back to the driver; those of them that do not are idle again. */
  private <T extends @Nullable Object> T freeing(
      Deque<Block> picked, Function<CudaDevice, T> task) {
    try {
      return thread.call(device -> {
        free(picked);
        return task.apply(device);
      });
    } finally {
      putBack(picked);
    }
  }

  /**
   * Gives blocks back to the driver; on the CUDA thread. The driver waits for the device meanwhile,
   * other threads do not. One that it refuses is freed at the end.
   */
  private void free(Deque<Block> picked) {
    for (Block block = picked.poll(); block != null; block = picked.poll()) {
      DevicePointer pointer = block.pointer;
      check(() -> JCudaDriver.cuMemFree(pointer), "cuMemFree");
      synchronized (this) {
        all.remove(block);
      }
    }
  }

  /** What is to go because too much waits for reuse. */
  private synchronized Deque<Block> pickCrowd() {
    return pick(idleBytes > mostIdle ? mostIdle / 2 : mostIdle);
  }

  /**
   * Takes what has been idle longest out of what waits, until no more than this is left. It stays
   * known until it is freed.
   */
  private synchronized Deque<Block> pick(long keep) {
    Deque<Block> picked = new ArrayDeque<>();
    while (idleBytes > keep) {
      Block oldest = idleByAge.removeFirst();
      idle(oldest.bytes).remove(oldest);
      idleBytes -= oldest.bytes;
      picked.add(oldest);
    }
    return picked;
  }

  /** The oldest again. */
  private synchronized void putBack(Deque<Block> picked) {
    while (!picked.isEmpty() && !thread.isClosed()) {
      Block block = picked.removeLast();
      idle(block.bytes).addFirst(block);
      idleByAge.addFirst(block);
      idleBytes += block.bytes;
    }
  }

  /** Those of one size; with this locked. */
  private Deque<Block> idle(long bytes) {
    return idle.computeIfAbsent(bytes, b -> new ArrayDeque<>());
  }

  /** Takes a block back. Harmless on a closed backend, whose memory is gone. */
  synchronized void release(Block block) {
    if (thread.isClosed()) {
      return;
    }
    boolean inUse = out.remove(block);
    assert inUse : "memory was released twice";
    if (!inUse) {
      return; // it may have a new owner by now
    }
    idle(block.bytes).addLast(block);
    idleByAge.add(block);
    idleBytes += block.bytes;
  }

  /** Gives a block back when its owner is forgotten, unless it was released before. */
  synchronized void releaseWith(Object owner, Block block) {
    owned.put(block, new Owned(owner, dropped, block));
  }

  /** Takes an owned block back. */
  void releaseOwned(Block block) {
    boolean live;
    synchronized (this) {
      live = owned.remove(block) != null;
    }
    if (live) {
      release(block);
    }
  }

  /** Takes back what was forgotten. */
  void collect() {
    for (Reference<?> gone = dropped.poll(); gone != null; gone = dropped.poll()) {
      takeBack((Owned) gone);
    }
  }

  private void takeBack(Owned gone) {
    boolean live;
    synchronized (this) {
      live = owned.remove(gone.block, gone);
    }
    if (live) {
      release(gone.block);
    }
  }

  private void awaitDropped() {
    try {
      Reference<?> gone = dropped.remove(COLLECTION_MILLIS);
      if (gone != null) {
        takeBack((Owned) gone);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    collect();
  }

  /** Free and total bytes of the device, idle memory counted as free. */
  long[] free() {
    return freeing(
        pick(0),
        device -> {
          long[] free = {0};
          long[] total = {0};
          check(() -> JCudaDriver.cuMemGetInfo(free, total), "cuMemGetInfo");
          return new long[] {free[0], total[0]};
        });
  }

  private BackendException noRoom(long bytes) {
    long[] now = free();
    return new BackendException(
        "the GPU has no room for %s: %s of %s are free; use a shorter prompt, fewer prompts at once or fewer values, or --backend cpu"
            .formatted(megabytes(bytes), megabytes(now[0]), megabytes(now[1])));
  }

  static String megabytes(long bytes) {
    return "%,.1f MB".formatted(bytes / 1e6);
  }

  /** Frees everything; on the CUDA thread. A lost device has freed it already. */
  synchronized void close(boolean lost) {
    OPEN.remove(this);
    for (Block block : all) {
      if (!lost) {
        CudaCalls.result(() -> JCudaDriver.cuMemFree(block.pointer));
      }
    }
    all.clear();
    out.clear();
    idle.clear();
    idleByAge.clear();
    idleBytes = 0;
    owned.clear();
  }
}
