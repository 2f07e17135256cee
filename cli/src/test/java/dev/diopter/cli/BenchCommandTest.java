package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Not how long anything takes, but that every kind of hook is run and reported. */
class BenchCommandTest {
  @Test
  void bench_fixture_reportsEveryKindOfHook() {
    JsonNode object =
        Cli.run("bench", Cli.fixture("gpt2-tiny"), "--tokens", "4", "--rounds", "1", "--json")
            .isClean()
            .json();
    assertThat(object.path("tokens").intValue()).isEqualTo(4);
    for (HookCost kind : HookCost.values()) {
      JsonNode pass = object.path("passes").path(kind.label().replace(' ', '_'));
      assertThat(pass.path("milliseconds").doubleValue()).isPositive();
      assertThat(pass.path("allocated_bytes").longValue()).isPositive();
    }
    assertThat(object.path("decode_milliseconds_per_token").doubleValue()).isPositive();
    for (String cores : new String[] {"one_core", "all_cores"}) {
      assertThat(object.path("fma_gigaflops_" + cores).doubleValue()).isPositive();
      assertThat(object.path("read_gigabytes_per_second_" + cores).doubleValue()).isPositive();
    }
  }

  @Test
  void bench_promptOfNoTokens_isAUsageError() {
    Cli.run("bench", "demo-gpt2", "--tokens", "0").failed(2);
  }
}
