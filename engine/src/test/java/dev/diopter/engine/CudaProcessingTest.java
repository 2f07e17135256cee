package dev.diopter.engine;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.provider.Arguments;

/** Processed weights on the cuda backend over the fake driver. */
@Tag("cuda")
class CudaProcessingTest extends ProcessingTest {
  @BeforeAll
  static void requireFake() {
    FakeCuda.require();
  }

  @BeforeEach
  void begin() {
    Streams.LAZY_RANDOM.begin();
  }

  @AfterEach
  void end() {
    Streams.end();
  }

  static Stream<Arguments> models() {
    return Stream.of("gpt2-tiny", "llama-value-biases")
        .map(name -> Arguments.of(name, "cuda", 2e-5));
  }
}
