package dev.diopter.formats;

import java.util.Objects;
import java.util.zip.Deflater;

/**
 * {@link RunCoder} in the place of the deflater that {@link java.util.zip.ZipOutputStream} has: a
 * deflater in name only, which overrides what that calls.
 */
final class RunDeflater extends Deflater {
  private final RunCoder coder = new RunCoder();

  /** One byte that came before, then a block. */
  private final byte[] block = new byte[1 + RunCoder.BLOCK];

  private int filled;
  private boolean first = true;
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
      int part = Math.min(RunCoder.BLOCK - filled, offset + length - at);
      System.arraycopy(input, at, block, 1 + filled, part);
      filled += part;
      at += part;
      if (filled == RunCoder.BLOCK) {
        writeBlock(false);
      }
    }
  }

  @Override
  public void finish() {
    if (!finishing) {
      finishing = true;
      writeBlock(true);
      coder.finish();
    }
  }

  private void writeBlock(boolean last) {
    coder.block(block, first ? 1 : 0, 1, 1 + filled, last);
    block[0] = block[filled];
    first = first && filled == 0;
    filled = 0;
  }

  @Override
  public boolean needsInput() {
    return coder.isEmpty();
  }

  @Override
  public boolean finished() {
    return finishing && coder.isEmpty();
  }

  @Override
  public int deflate(byte[] output, int offset, int length) {
    int part = coder.take(output, offset, length);
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
    coder.reset();
    filled = 0;
    first = true;
    finishing = false;
    read = 0;
    written = 0;
  }
}
