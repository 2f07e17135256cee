package dev.diopter.formats;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.Adler32;

/**
 * Writes the format of Deflate (RFC 1951) for two kinds of bytes, giving every block the Huffman
 * codes that fit it best: binary numbers, of which only runs of one byte are looked for, and
 * pixels, each of which is looked for where its colour was last. Such bytes have few other
 * repetitions, so the result is about as small as zlib's, several times as fast. For one thread.
 */
public final class RunCoder {
  /** Most bytes of a block. */
  static final int BLOCK = 1 << 16;

  private static final int SYMBOLS = 286;
  private static final int END = 256;
  private static final int FIRST_LENGTH = 257;
  private static final int SHORTEST = 3;
  private static final int PIXEL = 3;
  private static final int LONGEST = 258;
  private static final int LONGEST_CODE = 15;
  private static final int DISTANCES = 30;
  private static final int FARTHEST = 1 << 15;

  /** Tokens from here on are a length and, below it, a distance; others are a byte. */
  private static final int MATCH = 1 << 16;

  private static final int PLACE_BITS = 11;

  /** Two bytes of zlib's header (RFC 1950): a window of 32 kB, and a check. */
  private static final byte[] ZLIB = {0x78, 0x01};

  /** In this order the lengths of the code for code lengths are written. */
  private static final int[] LENGTH_ORDER = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
  };

  private static final int SHORT_ZEROS = 17;
  private static final int LONG_ZEROS = 18;
  private static final int LEAST_LONG_ZEROS = 11;
  private static final int MOST_ZEROS = 138;

  /** The code for code lengths: four bits for most, five for those that hardly occur. */
  private static final int[] LENGTH_LENGTHS = new int[LENGTH_ORDER.length];

  private static final int[] LENGTH_CODES = new int[LENGTH_ORDER.length];

  /** Symbol, number of extra bits and least length by length of a match. */
  private static final int[] SYMBOL_OF = new int[LONGEST + 1];

  private static final int[] EXTRA = new int[SYMBOLS];
  private static final int[] BASE = new int[SYMBOLS];

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  static {
    int length = SHORTEST;
    for (int symbol = FIRST_LENGTH; symbol < SYMBOLS - 1; symbol++) {
      EXTRA[symbol] = Math.max(0, (symbol - FIRST_LENGTH) / 4 - 1);
      BASE[symbol] = length;
      for (int i = 0; i < 1 << EXTRA[symbol] && length <= LONGEST; i++) {
        SYMBOL_OF[length++] = symbol;
      }
    }
    SYMBOL_OF[LONGEST] = SYMBOLS - 1;
    BASE[SYMBOLS - 1] = LONGEST;
    Arrays.fill(LENGTH_LENGTHS, 0, 13, 4);
    Arrays.fill(LENGTH_LENGTHS, 13, 16, 5);
    LENGTH_LENGTHS[SHORT_ZEROS] = 5;
    LENGTH_LENGTHS[LONG_ZEROS] = 4;
    putCodes(LENGTH_LENGTHS, LENGTH_CODES);
  }

  private final int[] counts = new int[SYMBOLS];
  private final int[] codes = new int[SYMBOLS];
  private final int[] distanceCounts = new int[DISTANCES];
  private final int[] distanceCodes = new int[DISTANCES];
  private int[] tokens = {};
  private byte[] out = {};
  private int from;
  private int to;
  private long bits;
  private int bitCount;

  /**
   * Pixels as a stream of zlib's (RFC 1950).
   *
   * @param lines each line of the picture: one byte, then three bytes for each pixel
   * @param pixels the same pixels as numbers; equal numbers have equal bytes
   * @param width pixels in a line
   */
  public static byte[] zlibOfPixels(byte[] lines, int[] pixels, int width) {
    if (width < 1
        || pixels.length % width != 0
        || lines.length != PIXEL * pixels.length + pixels.length / width) {
      throw new IllegalArgumentException(
          "expected lines of %d pixels, got %d pixels and %d bytes"
              .formatted(width, pixels.length, lines.length));
    }
    RunCoder coder = new RunCoder();
    coder.room(lines.length / 4);
    for (byte b : ZLIB) {
      coder.out[coder.to++] = b;
    }
    int[] places = new int[1 << PLACE_BITS];
    int height = pixels.length / width;
    int most = Math.max(1, BLOCK / (1 + PIXEL * width));
    int line = 0;
    do {
      int end = Math.min(height, line + most);
      coder.block(coder.pixels(lines, pixels, width, line, end, places), end == height);
      line = end;
    } while (line < height);
    coder.finish();
    Adler32 checksum = new Adler32();
    checksum.update(lines);
    for (int shift = 24; shift >= 0; shift -= 8) {
      coder.out[coder.to++] = (byte) (checksum.getValue() >> shift);
    }
    return Arrays.copyOf(coder.out, coder.to);
  }

  /**
   * Codes a block of binary numbers.
   *
   * @param oldest where the bytes begin that others can be compared with
   * @param start where the block begins
   * @param end where it ends
   */
  void block(byte[] bytes, int oldest, int start, int end, boolean last) {
    block(runs(bytes, oldest, start, end), last);
  }

  private void block(int count, boolean last) {
    counts[END] = 1;
    room(4 * count); // A match takes at most 48 bits and covers three bytes, a byte 15.
    int[] lengths = HuffmanLengths.of(counts, LONGEST_CODE);
    int[] distances = HuffmanLengths.of(distanceCounts, LONGEST_CODE);
    putCodes(lengths, codes);
    putCodes(distances, distanceCodes);
    put(last ? 1 : 0, 1);
    put(2, 2); // A block with codes of its own.
    writeCode(lengths, distances);
    writeTokens(count);
    put(codes[END] & 0xFFFF, codes[END] >>> 16);
  }

  /** Fills the last byte. */
  void finish() {
    LONG.set(out, to, bits);
    to += (bitCount + 7) / 8;
    bits = 0;
    bitCount = 0;
  }

  /** Forgets everything. */
  void reset() {
    from = 0;
    to = 0;
    bits = 0;
    bitCount = 0;
  }

  /** Whether all that is coded has been taken. */
  boolean isEmpty() {
    return from == to;
  }

  /** Moves up to {@code length} coded bytes. */
  int take(byte[] output, int offset, int length) {
    int part = Math.min(length, to - from);
    System.arraycopy(out, from, output, offset, part);
    from += part;
    if (from == to) {
      from = 0;
      to = 0;
    }
    return part;
  }

  private void begin(int most) {
    if (tokens.length < most) {
      tokens = new int[most];
    }
    Arrays.fill(counts, 0);
    Arrays.fill(distanceCounts, 0);
  }

  /** Finds the runs of a block and counts symbols. */
  private int runs(byte[] bytes, int oldest, int start, int end) {
    begin(end - start);
    int[] found = tokens;
    int count = 0;
    int at = start;
    if (at == oldest && at < end) {
      counts[bytes[at] & 0xFF]++;
      found[count++] = bytes[at++] & 0xFF;
    }
    while (at < end) {
      byte before = bytes[at - 1];
      int most = Math.min(end, at + LONGEST);
      int same = at;
      while (same < most && bytes[same] == before) {
        same++;
      }
      int length = same - at;
      if (length >= SHORTEST) {
        counts[SYMBOL_OF[length]]++;
        distanceCounts[0]++;
        found[count++] = (length << 16) | 1;
        at = same;
      } else {
        int value = bytes[at++] & 0xFF;
        counts[value]++;
        found[count++] = value;
      }
    }
    return count;
  }

  /**
   * Finds each pixel where its colour was last, as long as both go on alike in their lines.
   *
   * @param places by a hash of the colour one more than the pixel that had it last
   */
  private int pixels(byte[] bytes, int[] pixels, int width, int start, int end, int[] places) {
    int longest = 1 + PIXEL * width;
    begin(longest + (end - start) * longest / 4); // Most pictures need no more.
    int[] found = tokens;
    int count = 0;
    for (int line = start; line < end; line++) {
      if (found.length - count < longest) {
        tokens = Arrays.copyOf(found, 2 * found.length + longest);
        found = tokens;
      }
      int stop = (line + 1) * width;
      // A pixel's bytes are where its number says, and one byte further for each line begun.
      int shift = line + 1;
      int first = bytes[PIXEL * line * width + line] & 0xFF;
      counts[first]++;
      found[count++] = first;
      for (int at = line * width; at < stop; ) {
        int color = pixels[at];
        int place = (color * 0x9E3779B1) >>> (32 - PLACE_BITS);
        int before = places[place] - 1;
        places[place] = at + 1;
        if (before < 0 || pixels[before] != color || at - before > FARTHEST / 4) {
          for (int b = PIXEL * at + shift, over = b + PIXEL; b < over; b++) {
            int value = bytes[b] & 0xFF;
            counts[value]++;
            found[count++] = value;
          }
          at++;
          continue;
        }
        int distance =
            before >= line * width
                ? PIXEL * (at - before)
                : PIXEL * (at - before) + line - before / width;
        // The match ends with either line, and no later than its longest form.
        int most = Math.min(stop - at, LONGEST / PIXEL);
        most = before >= line * width ? most : Math.min(most, width - before % width);
        int same = 1;
        while (same < most && pixels[at + same] == pixels[before + same]) {
          same++;
        }
        counts[SYMBOL_OF[PIXEL * same]]++;
        distanceCounts[distanceSymbol(distance)]++;
        found[count++] = ((PIXEL * same) << 16) | distance;
        at += same;
      }
    }
    return count;
  }

  private static int distanceSymbol(int distance) {
    int past = distance - 1;
    if (past < 4) {
      return past;
    }
    int top = 31 - Integer.numberOfLeadingZeros(past);
    return 2 * top + ((past >>> (top - 1)) & 1);
  }

  private static int distanceExtra(int symbol) {
    return Math.max(0, symbol / 2 - 1);
  }

  /** Codes by length, then by symbol, their bits in the order of the stream; length in the top. */
  private static void putCodes(int[] lengths, int[] codes) {
    int[] next = new int[LONGEST_CODE + 2];
    for (int length : lengths) {
      next[length + 1] += length == 0 ? 0 : 1;
    }
    next[0] = 0;
    next[1] = 0;
    for (int length = 2; length <= LONGEST_CODE; length++) {
      next[length] = (next[length] + next[length - 1]) << 1;
    }
    for (int symbol = 0; symbol < lengths.length; symbol++) {
      int length = lengths[symbol];
      if (length > 0) {
        codes[symbol] = (length << 16) | (Integer.reverse(next[length]++) >>> (32 - length));
      }
    }
  }

  /** All code lengths, in the code for them. */
  private void writeCode(int[] lengths, int[] distances) {
    int used = DISTANCES;
    while (distances[used - 1] == 0) {
      used--;
    }
    put(SYMBOLS - FIRST_LENGTH, 5);
    put(used - 1, 5);
    put(LENGTH_ORDER.length - 4, 4);
    for (int symbol : LENGTH_ORDER) {
      put(LENGTH_LENGTHS[symbol], 3);
    }
    int[] all = Arrays.copyOf(lengths, SYMBOLS + used);
    System.arraycopy(distances, 0, all, SYMBOLS, used);
    for (int symbol = 0; symbol < all.length; ) {
      int end = symbol;
      while (end < all.length && all[end] == 0 && end < symbol + MOST_ZEROS) {
        end++;
      }
      int zeros = end - symbol;
      if (zeros < SHORTEST) {
        putLength(all[symbol++]);
      } else if (zeros < LEAST_LONG_ZEROS) {
        putLength(SHORT_ZEROS);
        put(zeros - SHORTEST, 3);
        symbol = end;
      } else {
        putLength(LONG_ZEROS);
        put(zeros - LEAST_LONG_ZEROS, 7);
        symbol = end;
      }
    }
  }

  private void putLength(int symbol) {
    put(LENGTH_CODES[symbol] & 0xFFFF, LENGTH_CODES[symbol] >>> 16);
  }

  /** The loop for each byte: its state in locals. */
  private void writeTokens(int count) {
    byte[] stream = out;
    long waiting = bits;
    int many = bitCount;
    int at = to;
    for (int i = 0; i < count; i++) {
      int token = tokens[i];
      if (token < MATCH) {
        int code = codes[token];
        waiting |= (long) (code & 0xFFFF) << many;
        many += code >>> 16;
      } else {
        int length = token >>> 16;
        int symbol = SYMBOL_OF[length];
        int code = codes[symbol];
        int size = code >>> 16;
        waiting |= ((code & 0xFFFF) | ((long) (length - BASE[symbol]) << size)) << many;
        many += size + EXTRA[symbol];
        if (many >= 32) {
          LONG.set(stream, at, waiting);
          at += 4;
          waiting >>>= 32;
          many -= 32;
        }
        int past = (token & 0xFFFF) - 1;
        int distance = distanceSymbol(past + 1);
        int extra = distanceExtra(distance);
        code = distanceCodes[distance];
        size = code >>> 16;
        // The extra bits are the distance's low ones.
        waiting |= ((code & 0xFFFF) | ((long) (past & ((1 << extra) - 1)) << size)) << many;
        many += size + extra;
      }
      if (many >= 32) {
        LONG.set(stream, at, waiting);
        at += 4;
        waiting >>>= 32;
        many -= 32;
      }
    }
    bits = waiting;
    bitCount = many;
    to = at;
  }

  private void put(int value, int count) {
    bits |= (long) value << bitCount;
    bitCount += count;
    if (bitCount >= 32) {
      LONG.set(out, to, bits);
      to += 4;
      bits >>>= 32;
      bitCount -= 32;
    }
  }

  /** Literals take at most 15 bits; codes and ends far less than a kilobyte. */
  private void room(int bytes) {
    if (out.length - to < bytes + 1024) {
      out = Arrays.copyOf(out, to + bytes + 1024);
    }
  }
}
