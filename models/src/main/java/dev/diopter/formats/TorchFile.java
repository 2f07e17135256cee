package dev.diopter.formats;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * A dictionary of tensors as torch saves it ({@code .pt}, {@code .pth}): a zip archive of stored
 * entries, of which one is a pickle that says what the others are. The pickle is never executed,
 * see {@link TorchPickle}; sizes, offsets and strides are checked before anything is handed out.
 * Thread safe.
 */
public final class TorchFile implements AutoCloseable {
  /** Most bytes of the pickle: some ten thousand tensors. */
  private static final int MAX_PICKLE = 8 << 20;

  private static final int MAX_ENTRIES = 1_000_000;
  private static final int CHUNK = 1 << 16;
  private static final String PICKLE = "/data.pkl";

  private final String source;
  private final ZipFile zip;
  private final String stem;
  private final Map<String, ZipEntry> entries = new HashMap<>();
  private final Map<String, Entry> tensors = new LinkedHashMap<>();
  private final Map<String, TorchPickle.View> views;

  /**
   * A tensor of the file.
   *
   * @param name its key in the dictionary
   * @param type F32, F16 or BF16
   * @param shape sizes, outermost first
   */
  public record Entry(String name, TensorType type, List<Integer> shape) {
    /** Number of elements. */
    public int elements() {
      int elements = 1;
      for (int size : shape) {
        elements *= size;
      }
      return elements;
    }
  }

  private TorchFile(String source, ZipFile zip, long fileBytes) throws IOException {
    this.source = source;
    this.zip = zip;
    this.stem = list(fileBytes);
    requireLittleEndian();
    views = TorchPickle.read(source, bytes(entry(stem + PICKLE), MAX_PICKLE));
    views.forEach((name, view) -> tensors.put(name, checked(name, view)));
  }

  /**
   * Opens a file.
   *
   * @throws FormatException where it cannot be read, breaks a rule of the format, or asks for
   *     anything but tensors
   */
  public static TorchFile open(Path file) {
    ZipFile zip;
    long size;
    try {
      size = Files.size(file);
      zip = new ZipFile(file.toFile());
    } catch (NoSuchFileException e) {
      throw new FormatException(file + ": expected a torch file, found none", e);
    } catch (IOException | IllegalArgumentException e) {
      throw new FormatException(
          ("%s: expected a torch file, found no zip archive (%s); files of torch before 1.6 are none: load and"
                  + " save it with a newer torch")
              .formatted(file, OneLine.brief(e.getMessage())),
          e);
    }
    boolean done = false;
    try {
      TorchFile opened = new TorchFile(file.toString(), zip, size);
      done = true;
      return opened;
    } catch (IOException | IllegalArgumentException e) {
      throw new FormatException(
          "%s: expected a torch file, found a damaged archive (%s); fetch it again"
              .formatted(file, OneLine.brief(e.getMessage())),
          e);
    } finally {
      if (!done) {
        closeQuietly(zip);
      }
    }
  }

  /** Every tensor by name, in the order of the file. */
  public Map<String, Entry> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  /**
   * A tensor's numbers, row-major; 16-bit ones widen exactly.
   *
   * @return an array of its own
   * @throws FormatException where there is none of that name, or the file cannot be read
   */
  public float[] floats(String name) {
    TorchPickle.View view = views.get(name);
    Entry entry = tensors.get(name);
    if (view == null || entry == null) {
      throw broken("expected a tensor %s, found none".formatted(OneLine.quoted(name)));
    }
    try {
      float[] storage = storage(view.storage());
      return isWhole(view, entry) ? storage : gathered(storage, view, entry.elements());
    } catch (IOException e) {
      throw new FormatException(
          "%s: tensor %s: damaged (%s); fetch the file again"
              .formatted(source, OneLine.quoted(name), OneLine.reason(e)),
          e);
    }
  }

  /** Closes the file; arrays that were read stay usable. */
  @Override
  public void close() {
    closeQuietly(zip);
  }

  private static void closeQuietly(ZipFile zip) {
    try {
      zip.close();
    } catch (IOException e) {
      // Nothing was written, so nothing is lost.
    }
  }

  /** Lists the archive and gives the folder that all entries lie in. */
  private String list(long fileBytes) {
    if (zip.size() > MAX_ENTRIES) {
      throw broken("expected at most %,d entries, found %,d".formatted(MAX_ENTRIES, zip.size()));
    }
    String found = null;
    long sum = 0;
    for (Enumeration<? extends ZipEntry> all = zip.entries(); all.hasMoreElements(); ) {
      ZipEntry entry = all.nextElement();
      String name = entry.getName();
      if (entry.getMethod() != ZipEntry.STORED || entry.getSize() != entry.getCompressedSize()) {
        throw broken("expected stored entries, found a compressed one, " + OneLine.quoted(name));
      }
      // Entries that share bytes could ask for more memory than the file is long.
      sum += entry.getSize();
      if (sum > fileBytes) {
        throw broken("expected entries that fill %d bytes, found more".formatted(fileBytes));
      }
      if (entries.put(name, entry) != null) {
        throw broken("expected different names, found %s twice".formatted(OneLine.quoted(name)));
      }
      if (name.endsWith(PICKLE) && name.indexOf('/') == name.length() - PICKLE.length()) {
        found = name.substring(0, name.length() - PICKLE.length());
      }
    }
    if (found == null) {
      throw broken("expected a data.pkl in the archive, found none");
    }
    return found;
  }

  private void requireLittleEndian() throws IOException {
    ZipEntry order = entries.get(stem + "/byteorder");
    if (order != null) {
      String text = new String(bytes(order, 16), StandardCharsets.UTF_8);
      if (!text.equals("little")) {
        throw broken(
            "expected little-endian numbers, found %s; save it again on another machine"
                .formatted(OneLine.quoted(text)));
      }
    }
  }

  private Entry checked(String name, TorchPickle.View view) {
    String tensor = "tensor " + OneLine.quoted(name);
    TorchPickle.Storage storage = view.storage();
    ZipEntry entry = entry(stem + "/data/" + storage.key());
    if (storage.elements() > Integer.MAX_VALUE - 8
        || entry.getSize() != storage.elements() * storage.type().bytes()) {
      throw broken(
          "%s: expected %d bytes for %d elements of %s, found %d"
              .formatted(
                  tensor,
                  storage.elements() * storage.type().bytes(),
                  storage.elements(),
                  storage.type(),
                  entry.getSize()));
    }
    if (view.shape().size() != view.strides().size()) {
      throw broken(
          "%s: expected a stride for each axis, found shape %s and strides %s"
              .formatted(tensor, view.shape(), view.strides()));
    }
    // Factors and terms are bounded by the storage before they are multiplied and added.
    if (view.offset() > storage.elements()) {
      throw broken(
          "%s: offset %d does not lie in a storage of %d elements"
              .formatted(tensor, view.offset(), storage.elements()));
    }
    List<Integer> shape = new ArrayList<>();
    long elements = 1;
    long last = view.offset();
    for (int axis = 0; axis < view.shape().size(); axis++) {
      long size = view.shape().get(axis);
      long stride = view.strides().get(axis);
      boolean fits = size <= storage.elements() && stride <= Math.max(1, storage.elements());
      elements = fits ? elements * size : Long.MAX_VALUE;
      last += fits && size > 0 ? (size - 1) * stride : 0;
      if (elements > storage.elements() || last >= Math.max(1, storage.elements())) {
        throw broken(
            "%s: shape %s with strides %s from %d does not lie in a storage of %d elements"
                .formatted(
                    tensor, view.shape(), view.strides(), view.offset(), storage.elements()));
      }
      shape.add((int) size);
    }
    if (elements > 0 && last >= storage.elements()) {
      throw broken(
          "%s: element %d does not lie in a storage of %d elements"
              .formatted(tensor, last, storage.elements()));
    }
    return new Entry(name, storage.type(), List.copyOf(shape));
  }

  private ZipEntry entry(String name) {
    ZipEntry entry = entries.get(name);
    if (entry == null) {
      throw broken("expected an entry %s, found none".formatted(OneLine.quoted(name)));
    }
    return entry;
  }

  private byte[] bytes(ZipEntry entry, int most) throws IOException {
    if (entry.getSize() > most) {
      throw broken(
          "%s: expected at most %d bytes, found %d"
              .formatted(OneLine.quoted(entry.getName()), most, entry.getSize()));
    }
    try (InputStream in = zip.getInputStream(entry)) {
      return in.readNBytes(most);
    }
  }

  private float[] storage(TorchPickle.Storage storage) throws IOException {
    float[] values = new float[(int) storage.elements()];
    byte[] chunk = new byte[CHUNK];
    ByteBuffer buffer = ByteBuffer.wrap(chunk).order(ByteOrder.LITTLE_ENDIAN);
    int unit = storage.type().bytes();
    try (InputStream in = zip.getInputStream(entry(stem + "/data/" + storage.key()))) {
      for (int at = 0; at < values.length; ) {
        int count = Math.min(CHUNK / unit, values.length - at);
        if (in.readNBytes(chunk, 0, count * unit) < count * unit) {
          throw new EOFException("cut off");
        }
        for (int i = 0; i < count; i++) {
          values[at + i] = value(buffer, storage.type(), i);
        }
        at += count;
      }
    }
    return values;
  }

  private static float value(ByteBuffer buffer, TensorType type, int i) {
    return switch (type) {
      case F32 -> buffer.getFloat(i * 4);
      case F16 -> Float.float16ToFloat(buffer.getShort(i * 2));
      case BF16 -> Float.intBitsToFloat(buffer.getShort(i * 2) << 16);
      default -> throw new AssertionError("the pickle knows no " + type);
    };
  }

  /** Whether a view is its storage, in its order. */
  private static boolean isWhole(TorchPickle.View view, Entry entry) {
    long stride = 1;
    for (int axis = view.shape().size() - 1; axis >= 0; axis--) {
      if (view.shape().get(axis) != 1 && view.strides().get(axis) != stride) {
        return false;
      }
      stride *= view.shape().get(axis);
    }
    return view.offset() == 0 && entry.elements() == view.storage().elements();
  }

  private static float[] gathered(float[] storage, TorchPickle.View view, int elements) {
    float[] out = new float[elements];
    int axes = view.shape().size();
    long[] index = new long[axes];
    long from = view.offset();
    for (int i = 0; i < elements; i++) {
      out[i] = storage[(int) from];
      for (int axis = axes - 1; axis >= 0; axis--) {
        from += view.strides().get(axis);
        if (++index[axis] < view.shape().get(axis)) {
          break;
        }
        from -= index[axis] * view.strides().get(axis);
        index[axis] = 0;
      }
    }
    return out;
  }

  private FormatException broken(String what) {
    return new FormatException("%s: %s; this is no usable torch file".formatted(source, what));
  }
}
