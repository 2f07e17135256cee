package dev.diopter.models;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The printable character for each byte in the vocabularies of byte-level tokenizers, as GPT-2
 * defined it: printable Latin-1 characters stand for themselves, all other bytes for the characters
 * from U+0100 on, in order.
 */
final class ByteLevelAlphabet {
  private static final int LAST = 0x143;
  private static final short[] BYTE_OF = byteOf();

  private ByteLevelAlphabet() {}

  private static short[] byteOf() {
    short[] byteOf = new short[LAST + 1];
    Arrays.fill(byteOf, (short) -1);
    int next = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      byteOf[printable ? b : next++] = (short) b;
    }
    return byteOf;
  }

  /**
   * The bytes that a token's characters stand for; null where a character is not of the alphabet.
   */
  static byte @Nullable [] bytes(String token) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(token.length());
    for (int i = 0; i < token.length(); i++) {
      char c = token.charAt(i);
      if (c > LAST || BYTE_OF[c] < 0) {
        return null;
      }
      bytes.write(BYTE_OF[c]);
    }
    return bytes.toByteArray();
  }
}
