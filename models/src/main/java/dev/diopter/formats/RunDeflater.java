package dev.diopter.formats;

import java.util.Arrays;
import java.util.Objects;
import java.util.zip.Deflater;

/**
 * Deflate (RFC 1951, without a wrapper) that looks for runs of one byte and nothing else, and gives
 * every block the Huffman code that fits it best. Numbers in binary have few repetitions but runs
 * of zeros, so for them the result is about as small as zlib's, several times as fast.
 *
 * <p>A deflater in name only: it stands in for the one that {@link java.util.zip.ZipOutputStream}
 * has, and overrides what that calls.
 */
final class RunDeflater extends Deflater {
  private static final int BLOCK = 1 << 16;
  private static final int SYMBOLS = 286;
  private static final int END = 256;
  private static final int FIRST_LENGTH = 257;
  private static final int SHORTEST = 3;
  private static final int LONGEST = 258;
  private static final int LONGEST_CODE = 15;
  private static final int MATCH = 1 << 16;

  /** In this order the lengths of the code for code lengths are written. */
  private static final int[] LENGTH_ORDER = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
  };

  /** Symbol, number of extra bits and least length by length of a match. */
  private static final int[] SYMBOL_OF = new int[LONGEST + 1];

  private static final int[] EXTRA = new int[SYMBOLS];
  private static final int[] BASE = new int[SYMBOLS];

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
  }

  private final byte[] block = new byte[BLOCK];
  private final int[] tokens = new int[BLOCK + 1];
  private final int[] counts = new int[SYMBOLS];
  private final int[] codes = new int[SYMBOLS];
  private int filled;
  private int before = -1;
  private byte[] out = new byte[BLOCK];
  private int from;
  private int to;
  private long bits;
  private int bitCount;
  private boolean finishing;
  private long read;
  private long written;

  RunDeflater() {
    super(DEFAULT_COMPRESSION, true);
  }

  @Override
  public void setInput(byte[] input, int offset, int length) {
    Objects.checkFromIndexSize(offset, length, input.length);
    read += length;
    for (int at = offset; at < offset + length; ) {
      int part = Math.min(BLOCK - filled, offset + length - at);
      System.arraycopy(input, at, block, filled, part);
      filled += part;
      at += part;
      if (filled == BLOCK) {
        writeBlock(false);
      }
    }
  }

  @Override
  public void finish() {
    if (!finishing) {
      finishing = true;
      writeBlock(true);
      while (bitCount > 0) {
        flushByte();
      }
    }
  }

  @Override
  public boolean needsInput() {
    return from == to;
  }

  @Override
  public boolean finished() {
    return finishing && from == to;
  }

  @Override
  public int deflate(byte[] output, int offset, int length) {
    int part = Math.min(length, to - from);
    System.arraycopy(out, from, output, offset, part);
    from += part;
    if (from == to) {
      from = 0;
      to = 0;
    }
    written += part;
    return part;
  }

  @Override
  public int deflate(byte[] output, int offset, int length, int flush) {
    return deflate(output, offset, length);
  }

  @Override
  public long getBytesRead() {
    return read;
  }

  @Override
  public long getBytesWritten() {
    return written;
  }

  @Override
  public void reset() {
    super.reset();
    filled = 0;
    before = -1;
    from = 0;
    to = 0;
    bits = 0;
    bitCount = 0;
    finishing = false;
    read = 0;
    written = 0;
  }

  private void writeBlock(boolean last) {
    int count = tokenize();
    room(3 * filled + 1024);
    int[] lengths = HuffmanLengths.of(counts, LONGEST_CODE);
    putCodes(lengths);
    put(last ? 1 : 0, 1);
    put(2, 2); // A block with a code of its own.
    writeCode(lengths);
    for (int i = 0; i < count; i++) {
      int token = tokens[i];
      if (token < MATCH) {
        putSymbol(token);
      } else {
        int length = token - MATCH;
        int symbol = SYMBOL_OF[length];
        putSymbol(symbol);
        put(length - BASE[symbol], EXTRA[symbol]);
        put(0, 1); // The only distance: 1.
      }
    }
    putSymbol(END);
    filled = 0;
  }

  /** Finds the runs of the block and counts symbols. */
  private int tokenize() {
    Arrays.fill(counts, 0);
    counts[END] = 1;
    int count = 0;
    for (int at = 0; at < filled; ) {
      int value = block[at] & 0xFF;
      if (value == before) {
        int end = at + 1;
        int most = Math.min(filled, at + LONGEST);
        while (end < most && (block[end] & 0xFF) == value) {
          end++;
        }
        int length = end - at;
        if (length >= SHORTEST) {
          counts[SYMBOL_OF[length]]++;
          tokens[count++] = MATCH + length;
          at = end;
          continue;
        }
      }
      counts[value]++;
      tokens[count++] = value;
      before = value;
      at++;
    }
    return count;
  }

  /** Codes by length, then by symbol, their bits in the order of the stream; length in the top. */
  private void putCodes(int[] lengths) {
    int[] next = new int[LONGEST_CODE + 2];
    for (int length : lengths) {
      next[length + 1] += length == 0 ? 0 : 1;
    }
    next[0] = 0;
    next[1] = 0;
    for (int length = 2; length <= LONGEST_CODE; length++) {
      next[length] = (next[length] + next[length - 1]) << 1;
    }
    for (int symbol = 0; symbol < SYMBOLS; symbol++) {
      int length = lengths[symbol];
      if (length > 0) {
        codes[symbol] = (length << 16) | (Integer.reverse(next[length]++) >>> (32 - length));
      }
    }
  }

  /** All code lengths, each in four bits, which is a code too; one distance of one bit. */
  private void writeCode(int[] lengths) {
    put(SYMBOLS - FIRST_LENGTH, 5);
    put(0, 5);
    put(LENGTH_ORDER.length - 4, 4);
    for (int symbol : LENGTH_ORDER) {
      put(symbol < 16 ? 4 : 0, 3);
    }
    for (int length : lengths) {
      put(Integer.reverse(length) >>> 28, 4);
    }
    put(Integer.reverse(1) >>> 28, 4);
  }

  private void putSymbol(int symbol) {
    put(codes[symbol] & 0xFFFF, codes[symbol] >>> 16);
  }

  private void put(int value, int count) {
    bits |= (long) value << bitCount;
    bitCount += count;
    while (bitCount >= 32) {
      out[to] = (byte) bits;
      out[to + 1] = (byte) (bits >> 8);
      out[to + 2] = (byte) (bits >> 16);
      out[to + 3] = (byte) (bits >> 24);
      to += 4;
      bits >>>= 32;
      bitCount -= 32;
    }
  }

  private void flushByte() {
    out[to++] = (byte) bits;
    bits >>>= 8;
    bitCount = Math.max(0, bitCount - 8);
  }

  /** Literals take at most 15 bits. */
  private void room(int bytes) {
    if (out.length - to < bytes) {
      out = Arrays.copyOf(out, to + bytes + BLOCK);
    }
  }
}
