package dev.diopter.formats;

import java.util.Arrays;
import java.util.Random;

/** Seeded damage to files, of the kinds that find readers' mistakes. */
public final class Mutations {
  private static final String[] WORDS = {
    "1e999",
    "1" + "0".repeat(400),
    "-1",
    "0",
    "1",
    "2147483647",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "1e5",
    "0.5",
    "null",
    "true",
    "{}",
    "[]",
    "[[[[",
    "\"\"",
    "{\"a\":",
    "F32",
    "BF16",
    "\\u0000",
    "\\ud800",
    "../x",
    "'",
    "(",
    ")",
    ","
  };

  private Mutations() {}

  /** A copy with one to four changes, most of them in the first bytes. */
  public static byte[] of(byte[] original, int head, Random random) {
    byte[] bytes = original.clone();
    for (int changes = 1 + random.nextInt(4); changes > 0 && bytes.length > 0; changes--) {
      int at = random.nextInt(random.nextInt(8) == 0 ? bytes.length : Math.min(head, bytes.length));
      bytes =
          switch (random.nextInt(7)) {
            case 0 -> flip(bytes, at, random);
            case 1 -> {
              bytes[at] = (byte) random.nextInt(256);
              yield bytes;
            }
            case 2 -> Arrays.copyOf(bytes, at);
            case 3 ->
                splice(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(8)), new byte[0]);
            case 4 -> splice(bytes, at, at, word(random));
            case 5 ->
                splice(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(6)), word(random));
            default -> {
              int from = random.nextInt(Math.min(head, bytes.length));
              byte[] part =
                  Arrays.copyOfRange(
                      bytes, from, Math.min(bytes.length, from + random.nextInt(60)));
              yield splice(bytes, at, at, part);
            }
          };
    }
    return bytes;
  }

  private static byte[] flip(byte[] bytes, int at, Random random) {
    bytes[at] ^= (byte) (1 << random.nextInt(8));
    return bytes;
  }

  private static byte[] word(Random random) {
    return WORDS[random.nextInt(WORDS.length)].getBytes(java.nio.charset.StandardCharsets.UTF_8);
  }

  private static byte[] splice(byte[] bytes, int from, int to, byte[] part) {
    byte[] out = new byte[bytes.length - (to - from) + part.length];
    System.arraycopy(bytes, 0, out, 0, from);
    System.arraycopy(part, 0, out, from, part.length);
    System.arraycopy(bytes, to, out, from + part.length, bytes.length - to);
    return out;
  }
}
