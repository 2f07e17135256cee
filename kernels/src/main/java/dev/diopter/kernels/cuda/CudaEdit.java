package dev.diopter.kernels.cuda;

import dev.diopter.kernels.CellEdit;
import dev.diopter.kernels.Tape.Violation;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** An edit as a kernel: its lists and values go up in one copy. */
final class CudaEdit {
  private static final int MOST_THREADS = 128;
  private static final int WARP = 32;
  private static final int PLACE_BITS = 34;
  private static final long KIND_MASK = 3;

  private final CellEdit edit;
  private final int lists;
  private final int values;

  CudaEdit(CellEdit edit) {
    this.edit = edit;
    int[] cells = edit.cells();
    float[] array = edit.values();
    this.lists = 3 * edit.rows().length + edit.heads().length + (cells == null ? 0 : cells.length);
    this.values = array == null ? 0 : array.length;
  }

  /** Launches it; {@code slot} is where a broken rule is told, 0 for nowhere. */
  void run(CudaThread thread, DeviceMemory memory, CudaTransfers transfers, long slot) {
    if (edit.rows().length == 0 || edit.heads().length == 0) {
      return;
    }
    DeviceMemory.Block block = memory.allocate((long) (lists + values) * Integer.BYTES);
    try {
      transfers.words(words(), block);
      long target = CudaHandles.address(edit.buffer(), edit.offset());
      long array = values == 0 ? 0 : block.address() + (long) lists * Integer.BYTES;
      boolean projects = edit.kind() == CellEdit.Kind.PROJECT_OUT;
      int threads = Math.min(MOST_THREADS, (edit.width() + WARP - 1) / WARP * WARP);
      thread.run(device -> {
        Launch launch = device.arguments().address(target).address(array);
        if (!projects) {
          launch.integer(kind()).number(edit.number());
        }
        launch
            .integer(edit.scores() ? 1 : 0)
            .address(slot)
            .structure(to -> selection(to, block.address()));
        device.run(
            projects ? Kernel.PROJECT_OUT : Kernel.EDIT_CELLS,
            edit.rows().length,
            edit.heads().length,
            threads,
            0);
      });
    } finally {
      memory.release(block);
    }
  }

  private int kind() {
    return switch (edit.kind()) {
      case SET -> 0;
      case ADD -> 1;
      case SCALE -> 2;
      case FILL -> 3;
      case INTERPOLATE -> 4;
      case PROJECT_OUT -> throw new IllegalArgumentException("project_out has its own kernel");
    };
  }

  private int[] words() {
    int[] words = new int[lists + values];
    int at = append(edit.rows(), words, 0);
    at = append(edit.places(), words, at);
    at = append(edit.visible(), words, at);
    at = append(edit.heads(), words, at);
    int[] cells = edit.cells();
    if (cells != null) {
      at = append(cells, words, at);
    }
    float[] array = edit.values();
    if (array != null) {
      for (float value : array) {
        words[at++] = Float.floatToRawIntBits(value);
      }
    }
    return words;
  }

  private static int append(int[] list, int[] words, int at) {
    System.arraycopy(list, 0, words, at, list.length);
    return at + list.length;
  }

  /** The layout of kernels.cu's {@code Selection}. */
  private void selection(ByteBuffer target, long address) {
    int[] cells = edit.cells();
    int[] numbers = {
      edit.rows().length,
      edit.heads().length,
      cells == null ? -1 : cells.length,
      edit.width(),
      edit.rowStride(),
      edit.headStride(),
      edit.placeStride(),
      edit.valueHeadStride()
    };
    target.putLong(0, address);
    for (int i = 0; i < numbers.length; i++) {
      target.putInt(Long.BYTES + i * Integer.BYTES, numbers[i]);
    }
  }

  /** What a slot's two words say; null where they are untouched. */
  static @Nullable Violation violation(float[] words, int edit, int heads) {
    long low = Float.floatToRawIntBits(words[0]) & 0xFFFFFFFFL;
    long report = (long) Float.floatToRawIntBits(words[1]) << Integer.SIZE | low;
    if (report == -1) {
      return null;
    }
    int place = (int) (report >>> PLACE_BITS);
    float wrote =
        switch ((int) (report >>> Integer.SIZE & KIND_MASK)) {
          case 0 -> Float.NaN;
          case 1 -> Float.POSITIVE_INFINITY;
          default -> Float.NEGATIVE_INFINITY;
        };
    return new Violation(
        edit, place / heads, place % heads, Float.intBitsToFloat((int) low), wrote);
  }
}
