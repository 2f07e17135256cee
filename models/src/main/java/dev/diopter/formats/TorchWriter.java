package dev.diopter.formats;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes a dictionary of float32 tensors as {@code torch.save(module.state_dict(), file)} does: the
 * same bytes but for the archive's serial number, which torch makes from hashes of its own. The
 * same tensors give the same file.
 */
public final class TorchWriter {
  private static final int CHUNK = 1 << 16;

  private TorchWriter() {}

  /**
   * A tensor to write.
   *
   * @param name its key: the module's path, a dot, the parameter's name
   * @param shape sizes, outermost first
   * @param values the numbers, row-major
   */
  public record Tensor(String name, List<Integer> shape, float[] values) {
    public Tensor {
      long elements = 1;
      for (int size : shape) {
        elements *= size;
      }
      if (elements != values.length) {
        throw new IllegalArgumentException(
            "tensor %s: expected %d numbers for shape %s, got %d"
                .formatted(name, elements, shape, values.length));
      }
      shape = List.copyOf(shape);
    }
  }

  /**
   * Writes a file that appears whole or not at all.
   *
   * @throws FormatException where it cannot be written
   */
  public static void write(Path file, List<Tensor> tensors) {
    String name = String.valueOf(file.getFileName());
    int dot = name.lastIndexOf('.');
    String stem = dot > 0 ? name.substring(0, dot) : name;
    byte[] pickle = new Pickle(tensors).bytes();
    AtomicFile.write(file, out -> write(out, stem, pickle, tensors));
  }

  private static void write(OutputStream out, String stem, byte[] pickle, List<Tensor> tensors)
      throws IOException {
    StoredZip zip = new StoredZip(out);
    zip.add(stem + "/data.pkl", pickle);
    zip.add(stem + "/.format_version", ascii("1"));
    zip.add(stem + "/.storage_alignment", ascii("64"));
    zip.add(stem + "/byteorder", ascii("little"));
    for (int i = 0; i < tensors.size(); i++) {
      float[] values = tensors.get(i).values();
      zip.add(stem + "/data/" + i, 4L * values.length, entry -> writeFloats(entry, values));
    }
    zip.add(stem + "/version", ascii("3\n"));
    zip.add(stem + "/.data/serialization_id", ascii(serial(zip.checksums())));
    zip.finish();
  }

  /** Forty digits that change with the content, as torch's do. */
  private static String serial(List<Long> checksums) {
    long one = 0;
    long two = 1;
    for (long checksum : checksums) {
      one = one * 31 + checksum;
      two = two * 1_000_003 + checksum;
    }
    return "%20s%20s"
        .formatted(Long.toUnsignedString(one), Long.toUnsignedString(two))
        .replace(' ', '0');
  }

  private static void writeFloats(OutputStream out, float[] values) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < values.length; at += CHUNK / 4) {
      int count = Math.min(CHUNK / 4, values.length - at);
      chunk.asFloatBuffer().put(values, at, count);
      out.write(chunk.array(), 0, count * 4);
    }
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** The program that makes the dictionary, instruction by instruction as Python's pickler does. */
  private static final class Pickle {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final Map<Object, Integer> memo = new HashMap<>();
    private int remembered;

    Pickle(List<Tensor> tensors) {
      out.write(0x80);
      out.write(2);
      int orderedDict = remembered;
      global("collections", "OrderedDict");
      code(')');
      code('R');
      remember();
      if (!tensors.isEmpty()) {
        code('(');
      }
      for (int i = 0; i < tensors.size(); i++) {
        tensor(tensors.get(i), i, orderedDict);
      }
      if (!tensors.isEmpty()) {
        code('u');
      }
      attributes(tensors, orderedDict);
      code('b');
      code('.');
    }

    byte[] bytes() {
      return out.toByteArray();
    }

    private void tensor(Tensor tensor, int index, int orderedDict) {
      fresh(tensor.name());
      global("torch._utils", "_rebuild_tensor_v2");
      code('(');
      code('(');
      text("storage");
      global("torch", "FloatStorage");
      fresh(Integer.toString(index));
      text("cpu");
      number(tensor.values().length);
      code('t');
      remember();
      code('Q');
      number(0);
      numbers(tensor.shape());
      numbers(strides(tensor.shape()));
      out.write(0x89);
      get(orderedDict);
      code(')');
      code('R');
      remember();
      code('t');
      remember();
      code('R');
      remember();
    }

    /** The modules' version numbers: the root's, the list's parts, each 1. */
    private void attributes(List<Tensor> tensors, int orderedDict) {
      Set<String> modules = new HashSet<>();
      List<String> order = new ArrayList<>(List.of(""));
      modules.add("");
      for (Tensor tensor : tensors) {
        int dot = tensor.name().lastIndexOf('.');
        String module = dot < 0 ? "" : tensor.name().substring(0, dot);
        if (modules.add(module)) {
          order.add(module);
        }
      }
      code('}');
      remember();
      text("_metadata");
      get(orderedDict);
      code(')');
      code('R');
      remember();
      code('(');
      for (String module : order) {
        fresh(module);
        code('}');
        remember();
        text("version");
        number(1);
        code('s');
      }
      code('u');
      code('s');
    }

    private static List<Integer> strides(List<Integer> shape) {
      Integer[] strides = new Integer[shape.size()];
      int stride = 1;
      for (int axis = shape.size() - 1; axis >= 0; axis--) {
        strides[axis] = stride;
        stride *= shape.get(axis);
      }
      return List.of(strides);
    }

    private void numbers(List<Integer> numbers) {
      if (numbers.isEmpty()) {
        code(')');
        return;
      }
      if (numbers.size() > 3) {
        code('(');
      }
      numbers.forEach(this::number);
      if (numbers.size() > 3) {
        code('t');
      } else {
        out.write(0x84 + numbers.size());
      }
      remember();
    }

    private void number(int value) {
      if (value < 1 << 8) {
        code('K');
        out.write(value);
      } else if (value < 1 << 16) {
        code('M');
        little(value, 2);
      } else {
        code('J');
        little(value, 4);
      }
    }

    /** A text that Python has once and the pickler therefore writes once. */
    private void text(String text) {
      if (!known("text " + text)) {
        memo.put("text " + text, remembered);
        fresh(text);
      }
    }

    /** A text that is an object of its own in Python, whatever it says. */
    private void fresh(String text) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      code('X');
      little(bytes.length, 4);
      out.writeBytes(bytes);
      remember();
    }

    private void global(String module, String name) {
      String key = "global %s %s".formatted(module, name);
      if (known(key)) {
        return;
      }
      code('c');
      out.writeBytes(ascii(module + "\n" + name + "\n"));
      memo.put(key, remembered);
      remember();
    }

    private boolean known(Object key) {
      Integer index = memo.get(key);
      if (index != null) {
        get(index);
      }
      return index != null;
    }

    private void remember() {
      index('q', 'r', remembered++);
    }

    private void get(int index) {
      index('h', 'j', index);
    }

    private void index(char small, char large, int index) {
      code(index < 1 << 8 ? small : large);
      little(index, index < 1 << 8 ? 1 : 4);
    }

    private void code(char code) {
      out.write(code);
    }

    private void little(int value, int bytes) {
      for (int i = 0; i < bytes; i++) {
        out.write(value >>> (8 * i));
      }
    }
  }
}
