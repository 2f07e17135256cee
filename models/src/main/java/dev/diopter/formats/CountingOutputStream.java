package dev.diopter.formats;

import java.io.IOException;
import java.io.OutputStream;

/** Passes bytes on and counts them. Closing it closes nothing. */
final class CountingOutputStream extends OutputStream {
  private final OutputStream out;
  private long count;

  CountingOutputStream(OutputStream out) {
    this.out = out;
  }

  long count() {
    return count;
  }

  @Override
  public void write(int b) throws IOException {
    out.write(b);
    count++;
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    out.write(bytes, offset, length);
    count += length;
  }
}
