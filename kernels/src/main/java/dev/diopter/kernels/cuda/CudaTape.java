package dev.diopter.kernels.cuda;

import dev.diopter.kernels.CellEdit;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.Tape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jcuda.driver.CUdeviceptr;
import org.jspecify.annotations.Nullable;

/**
 * Taken values wait in pieces of device memory until the first of them is asked for, or until there
 * are too many; edits are kernels, and where one broke its rule waits among the values.
 */
final class CudaTape implements Tape {
  /** Floats of the first piece; each further one has twice as many. */
  private static final int FIRST_PIECE = 1 << 20;

  private static final int LARGEST_PIECE = 16 << 20;

  /** Most floats that wait. A tape that takes more hands them over while the pass goes on. */
  private static final long MOST_WAITING = 64L << 20;

  private static final int ALIGNMENT = 64;

  private final CudaThread thread;
  private final DeviceMemory memory;
  private final CudaRows rows;
  private final CudaTransfers transfers;
  private final List<Entry> takes = new ArrayList<>();
  private final List<Edit> edits = new ArrayList<>();
  private final List<Piece> pieces = new ArrayList<>();
  private long waiting;

  /** Memory and what lies in it. */
  private static final class Piece {
    private final DeviceMemory.Block block;
    private final int floats;
    private final List<Entry> entries = new ArrayList<>();
    private int used;

    Piece(DeviceMemory.Block block, int floats) {
      this.block = block;
      this.floats = floats;
    }
  }

  /** A value in a piece, or, once it was fetched, on the host. */
  private static final class Entry {
    private final DeviceMemory.Block block;
    private final int at;
    private final int size;
    private float @Nullable [] values;

    Entry(DeviceMemory.Block block, int at, int size) {
      this.block = block;
      this.at = at;
      this.size = size;
    }
  }

  /** An edit, and where it says that it broke its rule; null where there is none. */
  private record Edit(@Nullable Entry report, int heads) {}

  CudaTape(CudaThread thread, DeviceMemory memory, CudaRows rows, CudaTransfers transfers) {
    this.thread = thread;
    this.memory = memory;
    this.rows = rows;
    this.transfers = transfers;
  }

  @Override
  public int take(Matrix view) {
    int columns = view.columns();
    Entry entry = room(Math.multiplyExact(view.rows(), columns));
    if (entry.size > 0) {
      CudaHandles.Floats whole = new CudaHandles.Floats(entry.block, entry.at + entry.size);
      rows.copyRows(view, 0, new Matrix(whole, entry.at, view.rows(), columns, columns));
    }
    takes.add(entry);
    return takes.size() - 1;
  }

  @Override
  public int edit(CellEdit edit) {
    Entry report = null;
    long slot = 0;
    if (edit.check()) {
      report = room(Long.BYTES / Float.BYTES);
      long offset = (long) report.at * Float.BYTES;
      CUdeviceptr place = report.block.pointer().withByteOffset(offset);
      thread.run(device -> device.fill(place, -1, Long.BYTES / Integer.BYTES));
      slot = report.block.address() + offset;
    }
    new CudaEdit(edit).run(thread, memory, transfers, slot);
    edits.add(new Edit(report, edit.heads().length));
    return edits.size() - 1;
  }

  private Entry room(int floats) {
    int needed = (floats + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (waiting + needed > MOST_WAITING) {
      fetch();
    }
    Piece last = pieces.isEmpty() ? null : pieces.getLast();
    if (last == null || needed > last.floats - last.used) {
      int next = last == null ? FIRST_PIECE : Math.min(LARGEST_PIECE, 2 * last.floats);
      int size = Math.max(needed, next);
      last = new Piece(memory.allocate((long) size * Float.BYTES), size);
      pieces.add(last);
    }
    Entry entry = new Entry(last.block, last.used, floats);
    last.entries.add(entry);
    last.used += needed;
    waiting += needed;
    return entry;
  }

  /** Brings everything that waits to the host, a piece at a time. */
  private void fetch() {
    for (Piece piece : pieces) {
      float[] all = new float[piece.used];
      transfers.download(piece.block, 0, all, 0, all.length);
      for (Entry entry : piece.entries) {
        entry.values = Arrays.copyOfRange(all, entry.at, entry.at + entry.size);
      }
    }
    close();
  }

  private float[] fetched(Entry entry) {
    if (entry.values == null) {
      fetch();
    }
    float[] values = entry.values;
    return values == null ? new float[0] : values;
  }

  @Override
  public float[] values(int taken) {
    Entry entry = takes.get(taken);
    float[] values = fetched(entry);
    entry.values = null; // one copy is enough
    return values;
  }

  @Override
  public @Nullable Violation violation() {
    for (int i = 0; i < edits.size(); i++) {
      Entry report = edits.get(i).report;
      Violation found =
          report == null ? null : CudaEdit.violation(fetched(report), i, edits.get(i).heads);
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  @Override
  public void close() {
    for (Piece piece : pieces) {
      memory.release(piece.block);
    }
    pieces.clear();
    waiting = 0;
  }
}
