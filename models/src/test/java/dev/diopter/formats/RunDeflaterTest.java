package dev.diopter.formats;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunDeflaterTest {
  @TempDir Path folder;

  @Test
  void deflate_anyBytesInAnyParts_inflateAgain() throws DataFormatException {
    long seed = 31;
    Random random = new Random(seed);
    int[] sizes = {0, 1, 2, 3, 4, 257, 258, 259, 260, 261, 65535, 65536, 65537, 200_000};
    for (int size : sizes) {
      for (int kind = 0; kind < 6; kind++) {
        byte[] bytes = bytes(size, kind, random);
        assertThat(inflated(deflated(new RunDeflater(), bytes, random), size))
            .as("seed %d, size %d, kind %d", seed, size, kind)
            .isEqualTo(bytes);
      }
    }
  }

  @Test
  void reset_deflater_beginsAnew() throws DataFormatException {
    RunDeflater deflater = new RunDeflater();
    byte[] bytes = bytes(1000, 3, new Random(1));
    byte[] first = deflated(deflater, bytes, new Random(2));
    assertThat(deflater.getBytesRead()).isEqualTo(1000);
    assertThat(deflater.getBytesWritten()).isEqualTo(first.length);
    deflater.reset();
    assertThat(deflated(deflater, bytes, new Random(3))).isEqualTo(first);
    deflater.end();
  }

  @Test
  void deflate_patterns_areAsSmallAsZlibs() {
    Random random = new Random(5);
    ByteBuffer pattern = ByteBuffer.allocate(4 * 64 * 64).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    for (int row = 0; row < 64; row++) {
      for (int column = 0; column < 64; column++) {
        pattern.putFloat(column > row ? 0 : (float) Math.exp(-6 * random.nextDouble()) / 64);
      }
    }
    Deflater zlib = new Deflater(6, true);
    int theirs = deflated(zlib, pattern.array(), random).length;
    zlib.end();
    assertThat(deflated(new RunDeflater(), pattern.array(), random).length)
        .isLessThan(theirs * 103 / 100);
  }

  @Test
  void npz_runs_readBackAndAreTheSameTwice() throws IOException {
    float[] values = new float[3 * 50_000];
    Random random = new Random(9);
    for (int i = 0; i < values.length; i += 2) {
      values[i] = random.nextFloat();
    }
    Path file = folder.resolve("a.npz");
    for (int i = 0; i < 2; i++) {
      NpzWriter.write(
          folder.resolve(i == 0 ? "a.npz" : "b.npz"),
          NpzWriter.Packing.RUNS,
          npz -> {
            npz.floats("first", List.of(3, 50_000), values);
            npz.floats("empty", List.of(0), new float[0]);
            npz.floats("zeros", List.of(1000), new float[1000]);
          });
    }
    try (Npz npz = Npz.open(file)) {
      assertThat(npz.read("first").floats()).isEqualTo(values);
      assertThat(npz.read("empty").floats()).isEmpty();
      assertThat(npz.read("zeros").floats()).containsOnly(0);
    }
    assertThat(java.nio.file.Files.mismatch(file, folder.resolve("b.npz"))).isEqualTo(-1);
  }

  private static byte[] bytes(int size, int kind, Random random) {
    byte[] bytes = new byte[size];
    switch (kind) {
      case 0 -> {} // One run.
      case 1 -> random.nextBytes(bytes);
      case 2 -> Arrays.fill(bytes, (byte) 0xFF);
      case 3 -> { // Runs of any length among other bytes.
        for (int at = 0; at < size; ) {
          int end = Math.min(size, at + 1 + random.nextInt(random.nextInt(1, 600)));
          Arrays.fill(bytes, at, end, (byte) random.nextInt(3));
          at = end;
        }
      }
      case 4 -> { // Counts like Fibonacci's numbers, whose best code is too long.
        for (int at = 0, symbol = 0, a = 1, b = 1; at < size; symbol++) {
          int end = Math.min(size, at + a);
          for (int i = at; i < end; i++) {
            bytes[i] = (byte) symbol;
          }
          at = end;
          int c = a + b;
          a = b;
          b = c;
        }
        shuffle(bytes, random);
      }
      default -> { // Few symbols.
        for (int i = 0; i < size; i++) {
          bytes[i] = (byte) (random.nextInt(50) == 0 ? random.nextInt(4) : 7);
        }
      }
    }
    return bytes;
  }

  private static void shuffle(byte[] bytes, Random random) {
    for (int i = bytes.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      byte swap = bytes[i];
      bytes[i] = bytes[j];
      bytes[j] = swap;
    }
  }

  private static byte[] deflated(Deflater deflater, byte[] bytes, Random random) {
    byte[] out = new byte[3 * bytes.length + 2000];
    byte[] part = new byte[777];
    int to = 0;
    int from = 0;
    while (!deflater.finished()) {
      if (deflater.needsInput()) {
        int length = Math.min(bytes.length - from, 1 + random.nextInt(90_000));
        if (length == 0) {
          deflater.finish();
        } else {
          deflater.setInput(bytes, from, length);
          from += length;
        }
      }
      int length = deflater.deflate(part, 0, part.length);
      System.arraycopy(part, 0, out, to, length);
      to += length;
    }
    return Arrays.copyOf(out, to);
  }

  private static byte[] inflated(byte[] packed, int size) throws DataFormatException {
    Inflater inflater = new Inflater(true);
    try {
      inflater.setInput(packed);
      byte[] bytes = new byte[size];
      int at = 0;
      byte[] rest = new byte[1];
      while (at < size) {
        int length = inflater.inflate(bytes, at, size - at);
        assertThat(length).isPositive();
        at += length;
      }
      assertThat(inflater.inflate(rest)).isZero();
      assertThat(inflater.finished()).isTrue();
      assertThat(inflater.getRemaining()).isZero();
      return bytes;
    } finally {
      inflater.end();
    }
  }
}
