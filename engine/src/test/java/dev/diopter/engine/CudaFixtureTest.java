package dev.diopter.engine;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;

/** The fixtures on the cuda backend over the fake driver, however its streams work. */
@Tag("cuda")
@ParameterizedClass
@EnumSource
class CudaFixtureTest extends FixtureTest {
  private final Streams streams;

  CudaFixtureTest(Streams streams) {
    this.streams = streams;
  }

  @BeforeAll
  static void requireFake() {
    FakeCuda.require();
  }

  @BeforeEach
  void begin() {
    streams.begin();
  }

  @AfterEach
  void end() {
    Streams.end();
  }

  static Stream<Arguments> models() {
    return TestModels.FIXTURES.stream().map(name -> Arguments.of(name, "cuda", 2e-5));
  }
}
