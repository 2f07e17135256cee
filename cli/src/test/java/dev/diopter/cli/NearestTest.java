package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.EditDistance;
import java.util.List;
import org.junit.jupiter.api.Test;

class NearestTest {

  @Test
  void of_mistypedWord_findsTheNearestFirst() {
    assertThat(Nearest.of("--tpo", List.of("--json", "--top", "--top-k"))).containsExactly("--top");
    assertThat(Nearest.of("rnu", List.of("run", "hooks"))).containsExactly("run");
  }

  @Test
  void of_shortOrStrangeWord_findsNothing() {
    assertThat(Nearest.of("-x", List.of("-q", "-v"))).isEmpty();
    assertThat(Nearest.of("banana", List.of("run", "hooks"))).isEmpty();
  }

  @Test
  void distance_swappedNeighbours_isOne() {
    assertThat(EditDistance.between("abc", "acb")).isEqualTo(1);
    assertThat(EditDistance.between("", "ab")).isEqualTo(2);
  }
}
