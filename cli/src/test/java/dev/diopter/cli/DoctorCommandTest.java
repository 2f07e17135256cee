package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class DoctorCommandTest {

  @Test
  void doctor_thisMachine_isDescribed() {
    assertThat(Cli.run("doctor").isClean().out())
        .contains(
            "Java",
            "cores",
            "Vector API on",
            "Backends",
            "cpu ",
            "cuda ",
            "reference ",
            "the native library loads",
            "demo-gpt2");
  }

  @Test
  void doctor_json_hasAFindingForEachPart() {
    JsonNode json = Cli.run("doctor", "--json").isClean().json();
    assertThat(json.path("cores").intValue()).isPositive();
    assertThat(json.path("heap_bytes").longValue()).isPositive();
    assertThat(json.path("vector_module").booleanValue()).isTrue();
    assertThat(json.path("backends")).hasSize(3);
    for (JsonNode backend : json.path("backends")) {
      assertThat(backend.propertyNames()).containsExactly("name", "ok", "detail");
      assertThat(
              backend.path("ok").booleanValue()
                  || backend.path("name").stringValue().equals("cuda"))
          .isTrue();
    }
  }
}
