package dev.diopter.formats;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PythonJsonTest {
  @TempDir Path folder;

  /** What {@code json.dumps} of Python 3.11 prints. */
  @ParameterizedTest
  @CsvSource({
    "0, 0.0",
    "-0.0, -0.0",
    "1, 1.0",
    "0.1, 0.1",
    "1e-5, 1e-05",
    "1.5e-5, 1.5e-05",
    "0.0001, 0.0001",
    "0.00012, 0.00012",
    "1e15, 1000000000000000.0",
    "123456789012345680, 1.2345678901234568e+17",
    "1e16, 1e+16",
    "9999999999999998, 9999999999999998.0",
    "2e23, 2e+23",
    "1e22, 1e+22",
    "1e23, 1e+23",
    "4.9e-324, 5e-324",
    "9.9e-324, 1e-323",
    "2.2250738585072014e-308, 2.2250738585072014e-308",
    "1.7976931348623157e308, 1.7976931348623157e+308",
    "-5.656854249492381, -5.656854249492381",
    "8.41e21, 8.41e+21",
    "2.0e-3, 0.002",
    "NaN, NaN",
    "Infinity, Infinity",
    "-Infinity, -Infinity"
  })
  void repr_number_isPythons(double value, String expected) {
    assertThat(PythonJson.repr(value)).isEqualTo(expected);
  }

  @Test
  void repr_anyNumber_readsBackAndHasNoNeedlessDigit() {
    long seed = 20261124;
    Random random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      double value = Double.longBitsToDouble(random.nextLong());
      if (Double.isFinite(value)) {
        String text = PythonJson.repr(value);
        assertThat(Double.parseDouble(text)).as("seed %d", seed).isEqualTo(value);
        assertThat(text.length()).isLessThanOrEqualTo(24);
      }
    }
  }

  @Test
  void text_strings_areAsciiWithPythonsEscapes() {
    String text = "a\"b\\c/d\n\r\t\f\b\u0000\u001f\u007f\u00e9\u65e5\ud83d\ude42\ud800~ ";
    assertThat(PythonJson.text(Json.object().put("k\u0120", text)))
        .isEqualTo(
            "{\"k\\u0120\": \"a\\\"b\\\\c/d\\n\\r\\t\\f\\b\\u0000\\u001f\\u007f\\u00e9\\u65e5"
                + "\\ud83d\\ude42\\ud800~ \"}");
  }

  @Test
  void text_structures_haveBlanksBehindCommasAndColons() {
    String line =
        "{\"a\": [], \"b\": {}, \"c\": [1, -2, 123456789012345678901234567890, true, false, null, [1.5]]}";
    assertThat(PythonJson.text(Json.read("test", line))).isEqualTo(line);
    assertThat(PythonJson.text(Json.read("test", " [ 1e5 , -0 , -0.0 ] ")))
        .isEqualTo("[100000.0, 0, -0.0]");
  }

  @Test
  void write_file_hasNoLineEnd() throws IOException {
    Path file = folder.resolve("a.json");
    PythonJson.write(Json.object().put("a", 1), file);
    assertThat(Files.readString(file)).isEqualTo("{\"a\": 1}");
  }
}
