package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.models.Tokenizer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TextStreamTest {
  private static final byte[] SMILE = "😀".getBytes(StandardCharsets.UTF_8);

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  @Test
  void add_pieceOfACharacter_waitsForTheRest() {
    TextStream stream =
        stream(
            false,
            new byte[] {'a', SMILE[0], SMILE[1]},
            new byte[] {SMILE[2]},
            new byte[] {SMILE[3], 'b'});
    stream.add(0);
    assertThat(printed()).isEqualTo("a");
    stream.add(1);
    assertThat(printed()).isEqualTo("a");
    stream.add(2);
    assertThat(printed()).isEqualTo("a😀b");
  }

  @Test
  void close_pieceLeftOver_isShownAsBroken() {
    TextStream stream = stream(false, new byte[] {'a', SMILE[0], SMILE[1]});
    stream.add(0);
    stream.close();
    assertThat(printed()).isEqualTo("a\ufffd" + System.lineSeparator());
  }

  @Test
  void add_brokenBytesInTheMiddle_goOnBehindThem() {
    TextStream stream = stream(false, new byte[] {SMILE[0]}, new byte[] {'x'});
    stream.add(0);
    stream.add(1);
    assertThat(printed()).isEqualTo("\ufffdx");
  }

  @Test
  void add_tokenWithoutBytes_standsByItsName() {
    TextStream stream = stream(false, new byte[0]);
    stream.add(0);
    assertThat(printed()).isEqualTo("<0>");
  }

  @Test
  void add_escapeSequence_isHarmlessOnATerminalAndExactElsewhere() {
    byte[] clear = "\u001b[2J".getBytes(StandardCharsets.UTF_8);
    stream(true, clear).add(0);
    assertThat(printed()).isEqualTo("\\u{1b}[2J");
    out.reset();
    stream(false, clear).add(0);
    assertThat(printed()).isEqualTo("\u001b[2J");
  }

  private String printed() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private TextStream stream(boolean terminal, byte[]... tokens) {
    Screen screen = Screen.of(new ByteArrayInputStream(new byte[0]), out, out, terminal, Map.of());
    return new TextStream(new FakeTokenizer(List.of(tokens)), screen);
  }

  private record FakeTokenizer(List<byte[]> tokens) implements Tokenizer {
    @Override
    public Encoding encode(String text, boolean template) {
      throw new UnsupportedOperationException();
    }

    @Override
    public byte[] bytes(int id) {
      return tokens.get(id);
    }

    @Override
    public String decode(int[] ids) {
      throw new UnsupportedOperationException();
    }

    @Override
    public String label(int id) {
      return "<" + id + ">";
    }

    @Override
    public String token(int id) {
      return label(id);
    }

    @Override
    public Integer singleToken(String text) {
      return null;
    }

    @Override
    public int size() {
      return tokens.size();
    }

    @Override
    public List<Integer> specialIds() {
      return List.of();
    }

    @Override
    public void close() {}
  }
}
