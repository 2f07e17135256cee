package dev.diopter.cli;

import dev.diopter.models.Tokenizer;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Prints tokens as they come, in whole characters: the bytes of a character that is not complete
 * yet wait for the rest of it.
 */
final class TextStream {
  private final Tokenizer tokenizer;
  private final Screen screen;
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private ByteBuffer waiting = ByteBuffer.allocate(0);

  TextStream(Tokenizer tokenizer, Screen screen) {
    this.tokenizer = tokenizer;
    this.screen = screen;
  }

  /** Prints what a token completes. */
  void add(int id) {
    byte[] bytes = tokenizer.bytes(id);
    if (bytes == null || bytes.length == 0) {
      // A token without bytes stands in texts by its name.
      bytes = tokenizer.label(id).getBytes(StandardCharsets.UTF_8);
    }
    ByteBuffer all = ByteBuffer.allocate(waiting.remaining() + bytes.length);
    all.put(waiting).put(bytes).flip();
    print(all, false);
    waiting = all;
    if (screen.out().checkError()) {
      screen.finish(); // Throws: nobody reads any more, so there is no use in going on.
    }
  }

  /** Prints what never became a whole character, and a line end. */
  void close() {
    print(waiting, true);
    screen.out().println();
    screen.out().flush();
  }

  private void print(ByteBuffer bytes, boolean end) {
    // At most one character for a byte, and one for what was left over.
    CharBuffer text = CharBuffer.allocate(bytes.remaining() + 2);
    decoder.decode(bytes, text, end);
    if (end) {
      decoder.flush(text);
    }
    String whole = text.flip().toString();
    PrintStream out = screen.out();
    out.print(screen.outTerminal() ? Text.harmless(whole) : whole);
    out.flush();
  }
}
