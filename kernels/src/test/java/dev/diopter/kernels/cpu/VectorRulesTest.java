package dev.diopter.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.stream.Stream;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What keeps vector code fast, and does not show in its results. */
class VectorRulesTest {
  @ParameterizedTest
  @ValueSource(
      classes = {
        VectorKernels.class,
        VectorMath.class,
        VectorRows.class,
        VectorTiles.class,
        VectorFewRows.class,
        VectorShapes.class
      })
  void vectors_neverCrossCallsAndLiveInConstants(Class<?> type) {
    for (Method method : type.getDeclaredMethods()) {
      assertThat(Stream.of(method.getParameterTypes()).anyMatch(VectorRulesTest::vector))
          .as("%s takes a vector, which is boxed where C2 does not inline", method)
          .isFalse();
      // all(float) makes the constants and is not called afterwards.
      assertThat(vector(method.getReturnType()) && !method.getName().equals("all"))
          .as("%s returns a vector, which is boxed where C2 does not inline", method)
          .isFalse();
    }
    for (Field field : type.getDeclaredFields()) {
      if (vector(field.getType()) || VectorSpecies.class.isAssignableFrom(field.getType())) {
        assertThat(
                Modifier.isStatic(field.getModifiers()) && Modifier.isFinal(field.getModifiers()))
            .as("%s is no constant", field)
            .isTrue();
      }
    }
  }

  private static boolean vector(Class<?> type) {
    return Vector.class.isAssignableFrom(type) || VectorMask.class.isAssignableFrom(type);
  }

  @Test
  void operations_manyRounds_allocateNextToNothing() {
    assertThat(AllocationProbe.bytesOfARound()).isLessThan(AllocationProbe.FEW);
  }
}
