package dev.diopter.formats;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * The header of an .npy array: magic, version, and a Python dictionary that says type, order and
 * shape.
 *
 * @param type element type
 * @param characters characters of an element of type {@link NpyType#TEXT}, else 1
 * @param bigEndian whether numbers lie with their high byte first
 * @param fortranOrder whether the first axis varies fastest
 * @param shape sizes, outermost first
 * @param bytes bytes of the whole header
 */
record NpyHeader(
    NpyType type,
    int characters,
    boolean bigEndian,
    boolean fortranOrder,
    List<Integer> shape,
    int bytes) {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int MAX_TEXT = 1 << 16;
  private static final int MAX_AXES = 64;
  private static final int ALIGNMENT = 64;

  /** Bytes of one element. */
  int elementBytes() {
    return type.bytes() * characters;
  }

  /** Number of elements; the reader has checked that it fits. */
  int elements() {
    int product = 1;
    for (int size : shape) {
      product *= size;
    }
    return product;
  }

  /** The header as numpy writes it, version 1, padded so that the data is aligned. */
  static byte[] write(NpyType type, int characters, List<Integer> shape) {
    StringJoiner sizes = new StringJoiner(", ", "(", shape.size() == 1 ? ",)" : ")");
    shape.forEach(size -> sizes.add(size.toString()));
    String text =
        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }"
            .formatted(type.descr(characters), sizes);
    int length = (MAGIC.length + 4 + text.length() + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    ByteBuffer header = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    header.put(MAGIC).put((byte) 1).put((byte) 0).putShort((short) (length - MAGIC.length - 4));
    header.put(text.getBytes(StandardCharsets.US_ASCII));
    while (header.position() < length - 1) {
      header.put((byte) ' ');
    }
    return header.put((byte) '\n').array();
  }

  /**
   * Reads a header and leaves the stream at the data.
   *
   * @param source name of the array for messages
   */
  static NpyHeader read(String source, InputStream in) throws IOException {
    byte[] start = in.readNBytes(MAGIC.length + 2);
    if (start.length < MAGIC.length + 2
        || !Arrays.equals(start, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
      throw broken(source, "expected an .npy array, found something else");
    }
    int version = start[MAGIC.length];
    if (version < 1 || version > 3) {
      throw broken(source, "expected .npy version 1, 2 or 3, found " + version);
    }
    byte[] size = in.readNBytes(version == 1 ? 2 : 4);
    if (size.length < (version == 1 ? 2 : 4)) {
      throw broken(source, "expected a header length, found the end");
    }
    ByteBuffer sizes = ByteBuffer.wrap(size).order(ByteOrder.LITTLE_ENDIAN);
    long length =
        version == 1
            ? Short.toUnsignedLong(sizes.getShort())
            : Integer.toUnsignedLong(sizes.getInt());
    if (length > MAX_TEXT) {
      throw broken(
          source, "expected a header of at most %d bytes, found %d".formatted(MAX_TEXT, length));
    }
    byte[] text = in.readNBytes((int) length);
    if (text.length < length) {
      throw broken(
          source, "expected a header of %d bytes, found %d".formatted(length, text.length));
    }
    int bytes = start.length + size.length + text.length;
    return new Parser(source, new String(text, StandardCharsets.UTF_8)).parse(bytes);
  }

  static FormatException broken(String source, String what) {
    return new FormatException(source + ": " + what + "; write the file again");
  }

  /** Reads the one form of Python dictionary that numpy writes, in any order and spacing. */
  private static final class Parser {
    private final String source;
    private final String text;
    private int at;

    Parser(String source, String text) {
      this.source = source;
      this.text = text;
    }

    NpyHeader parse(int bytes) {
      @Nullable String descr = null;
      @Nullable Boolean fortran = null;
      @Nullable List<Integer> shape = null;
      expect('{');
      while (!accept('}')) {
        String key = string();
        expect(':');
        if (key.equals("descr") && descr == null) {
          descr = string();
        } else if (key.equals("fortran_order") && fortran == null) {
          fortran = bool();
        } else if (key.equals("shape") && shape == null) {
          shape = tuple();
        } else {
          throw wrong(
              "expected descr, fortran_order and shape, each once, found " + OneLine.quoted(key));
        }
        if (!accept(',')) {
          expect('}');
          break;
        }
      }
      blanks();
      if (at != text.length() || descr == null || fortran == null || shape == null) {
        throw wrong("expected descr, fortran_order and shape and nothing else");
      }
      return header(descr, fortran, shape, bytes);
    }

    private NpyHeader header(String descr, boolean fortran, List<Integer> shape, int bytes) {
      char order = descr.isEmpty() ? ' ' : descr.charAt(0);
      NpyType type = "<>|=".indexOf(order) < 0 ? null : NpyType.of(descr.substring(1));
      if (type == null) {
        throw wrong(
            "expected numbers, truth values or text, found the type " + OneLine.quoted(descr));
      }
      int characters = type == NpyType.TEXT ? Integer.parseInt(descr.substring(2)) : 1;
      long product = (long) type.bytes() * characters;
      boolean empty = product == 0;
      for (int size : shape) {
        empty |= size == 0;
        product = product > Integer.MAX_VALUE ? product : product * size;
      }
      if (!empty && product > Npz.MAX_BYTES) {
        throw wrong(
            "expected at most %d bytes in an array, found %s %s"
                .formatted(Npz.MAX_BYTES, descr, shape));
      }
      return new NpyHeader(type, characters, order == '>', fortran, List.copyOf(shape), bytes);
    }

    private List<Integer> tuple() {
      List<Integer> sizes = new ArrayList<>();
      expect('(');
      while (!accept(')')) {
        sizes.add(size());
        if (sizes.size() > MAX_AXES) {
          throw wrong("expected at most %d axes".formatted(MAX_AXES));
        }
        if (!accept(',')) {
          expect(')');
          break;
        }
      }
      return sizes;
    }

    private int size() {
      blanks();
      int from = at;
      while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
        at++;
      }
      if (at == from
          || at - from > 10
          || Long.parseLong(text.substring(from, at)) > Integer.MAX_VALUE) {
        throw wrong("expected sizes from 0 to %d in the shape".formatted(Integer.MAX_VALUE));
      }
      int size = Integer.parseInt(text.substring(from, at));
      accept('L'); // Python 2 wrote long numbers so.
      return size;
    }

    private boolean bool() {
      blanks();
      for (boolean value : new boolean[] {true, false}) {
        String word = value ? "True" : "False";
        if (text.startsWith(word, at)) {
          at += word.length();
          return value;
        }
      }
      throw wrong("expected True or False for fortran_order");
    }

    private String string() {
      blanks();
      char quote = at < text.length() ? text.charAt(at) : ' ';
      int end = quote == '\'' || quote == '"' ? text.indexOf(quote, at + 1) : -1;
      if (end < 0) {
        throw wrong("expected a string");
      }
      String value = text.substring(at + 1, end);
      at = end + 1;
      return value;
    }

    private void blanks() {
      while (at < text.length() && text.charAt(at) <= ' ') {
        at++;
      }
    }

    private boolean accept(char c) {
      blanks();
      if (at < text.length() && text.charAt(at) == c) {
        at++;
        return true;
      }
      return false;
    }

    private void expect(char c) {
      if (!accept(c)) {
        throw wrong("expected " + c);
      }
    }

    private FormatException wrong(String what) {
      return broken(source, "header: %s at character %d of it".formatted(what, at));
    }
  }
}
