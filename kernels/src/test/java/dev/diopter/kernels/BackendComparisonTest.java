package dev.diopter.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import org.junit.jupiter.api.Test;

class BackendComparisonTest {
  @Test
  void run_backendsThatAgree_saysSo() {
    try (Backend cpu = Backends.open("cpu", 2);
        Backend reference = Backends.open("reference", 1)) {
      List<BackendComparison.Outcome> outcomes = BackendComparison.run(cpu, reference, 9, 4, 16);
      assertThat(outcomes).hasSize(33).allMatch(BackendComparison.Outcome::agrees);
      assertThat(outcomes).allMatch(o -> o.milliseconds() > 0 && o.error() < o.bound());
    }
  }

  @Test
  void runRounded_aBackendThatRoundsNothing_isFoundOut() {
    try (Backend cpu = Backends.open("cpu", 2);
        Backend reference = Backends.open("reference", 1)) {
      assertThat(rounded(cpu, reference, BackendComparison.Rounding.TF32))
          .allMatch(BackendComparison.Outcome::agrees);
      assertThat(rounded(cpu, reference, BackendComparison.Rounding.BFLOAT16))
          .noneMatch(BackendComparison.Outcome::agrees)
          .allMatch(o -> o.error() < 0.02);
    }
  }

  private static List<BackendComparison.Outcome> rounded(
      Backend subject, Backend oracle, BackendComparison.Rounding rounding) {
    List<BackendComparison.Outcome> outcomes =
        BackendComparison.runRounded(subject, oracle, rounding, 9, 4, 16);
    assertThat(outcomes).hasSize(8);
    return outcomes;
  }

  @Test
  void run_operationsThatFail_areNamed() {
    try (Backend cpu = Backends.open("cpu", 1)) {
      Backend broken =
          (Backend)
              Proxy.newProxyInstance(
                  getClass().getClassLoader(),
                  new Class<?>[] {Backend.class},
                  (proxy, method, arguments) -> {
                    if (method.getName().equals("gelu")) {
                      return null; // leaves memory as it came: not a number
                    }
                    if (method.getName().equals("add")) {
                      cpu.copy((Matrix) arguments[0], (Matrix) arguments[2]);
                      return null;
                    }
                    try {
                      return method.invoke(cpu, arguments);
                    } catch (InvocationTargetException e) {
                      throw e.getCause();
                    }
                  });
      assertThat(BackendComparison.run(broken, cpu, 9, 4, 16))
          .filteredOn(o -> !o.agrees())
          .extracting(BackendComparison.Outcome::operation)
          .containsExactly("gelu", "add", "add, rows with gaps");
    }
  }

  private static Backend failing(Backend cpu, String operation, boolean lost) {
    boolean[] failed = {false};
    return (Backend)
        Proxy.newProxyInstance(
            BackendComparisonTest.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals(operation) || (lost && failed[0])) {
                failed[0] = true;
                throw new BackendException("it burnt");
              }
              try {
                return method.invoke(cpu, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @Test
  void run_anOperationThatThrows_isRecordedAndTheRestRun() {
    try (Backend cpu = Backends.open("cpu", 1)) {
      List<BackendComparison.Outcome> outcomes =
          BackendComparison.run(failing(cpu, "gelu", false), cpu, 9, 4, 16);
      assertThat(outcomes).hasSize(33);
      assertThat(outcomes)
          .filteredOn(o -> !o.agrees())
          .extracting(BackendComparison.Outcome::operation, BackendComparison.Outcome::failure)
          .containsExactly(tuple("gelu", "it burnt"));
    }
  }

  @Test
  void run_anOperationThatLosesTheDevice_isTheLast() {
    try (Backend cpu = Backends.open("cpu", 1)) {
      List<BackendComparison.Outcome> outcomes =
          BackendComparison.run(failing(cpu, "gelu", true), cpu, 9, 4, 16);
      assertThat(outcomes).hasSize(26);
      assertThat(outcomes.getLast().operation()).isEqualTo("gelu");
      assertThat(outcomes.getLast().failure()).isEqualTo("it burnt");
    }
  }
}
