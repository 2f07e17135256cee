package dev.diopter.formats;

import static dev.diopter.formats.Messages.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.formats.SafetensorsWriter.Tensor;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
  @TempDir Path folder;

  @Test
  void write_tensorsOfTheFormatsOwnLibrary_givesItsBytes() {
    byte[] expected = Resources.bytes("reference.safetensors");
    List<Tensor> tensors = new ArrayList<>();
    for (SafetensorsFile.Entry entry : SafetensorsBytes.open(expected).entries()) {
      tensors.add(Tensor.ofSegment(entry.name(), entry.type(), entry.shape(), entry.data()));
    }
    Collections.shuffle(tensors, new Random(1));
    Path file = folder.resolve("out.safetensors");
    SafetensorsWriter.write(file, tensors, Map.of("format", "np"));
    assertThat(file).hasBinaryContent(expected);
  }

  @Test
  void write_everyTypeAndManySizes_isReadBackTheSame() {
    Random random = new Random(2);
    List<Tensor> tensors = new ArrayList<>();
    for (TensorType type : TensorType.values()) {
      for (long size : new long[] {0, 8, 16, 70_000}) {
        byte[] bytes = new byte[(int) (size * type.bits() / 8)];
        random.nextBytes(bytes);
        tensors.add(
            Tensor.ofSegment(type + "." + size, type, List.of(size), MemorySegment.ofArray(bytes)));
      }
    }
    float[] values = new float[33_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat();
    }
    tensors.add(Tensor.ofFloats("größe \"\\ \u2581", List.of(3L, 11_000L), values));
    Path file = folder.resolve("out.safetensors");
    SafetensorsWriter.write(file, tensors, Map.of("a", "ü\n", "b", ""));
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      assertThat(opened.entries()).hasSize(tensors.size());
      assertThat(opened.metadata()).isEqualTo(Map.of("a", "ü\n", "b", ""));
      assertThat(opened.find("größe \"\\ \u2581").data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED))
          .isEqualTo(values);
      for (SafetensorsFile.Entry entry : opened.entries()) {
        assertThat(entry.data().address() % Math.min(8, entry.type().bytes())).isZero();
      }
    }
  }

  @Test
  void write_sourceThatGivesAnotherNumberOfBytes_leavesNoFile() throws IOException {
    Path file = folder.resolve("out.safetensors");
    Tensor wrong = new Tensor("a", TensorType.F32, List.of(2L), out -> out.write(new byte[7]));
    assertThatThrownBy(() -> SafetensorsWriter.write(file, List.of(wrong), Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected 8 bytes, got 7");
    assertThat(files()).isEmpty();
  }

  @Test
  void write_sameNameTwice_isRefused() throws IOException {
    Tensor tensor = Tensor.ofFloats("a", List.of(1L), new float[1]);
    assertThatThrownBy(() ->
            SafetensorsWriter.write(
                OutputStream.nullOutputStream(), List.of(tensor, tensor), Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("a twice");
  }

  @Test
  void write_intoNoFolder_isRefusedInOneLine() {
    Path file = folder.resolve("none/out.safetensors");
    assertRefused(
        () -> SafetensorsWriter.write(file, List.of(), Map.of()),
        file.toString(),
        "does not exist");
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.toList();
    }
  }
}
