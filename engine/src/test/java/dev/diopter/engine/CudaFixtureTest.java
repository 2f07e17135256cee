package dev.diopter.engine;

import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.provider.Arguments;

/** The fixtures on the cuda backend over the fake driver. */
@Tag("cuda")
class CudaFixtureTest extends FixtureTest {
  @BeforeAll
  static void requireFake() {
    FakeCuda.require();
  }

  static Stream<Arguments> models() {
    return TestModels.FIXTURES.stream().map(name -> Arguments.of(name, "cuda", 2e-5));
  }
}
