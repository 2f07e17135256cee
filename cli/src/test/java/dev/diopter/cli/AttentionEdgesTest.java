package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.Activation;
import dev.diopter.engine.Axis;
import java.util.List;
import org.junit.jupiter.api.Test;

class AttentionEdgesTest {

  @Test
  void strongest_lastToken_leavesOutTheFirstPositionItselfAndFaintEdges() {
    // One head, the row of the last of five positions.
    float[] last = {0.5f, 0.04f, 0.2f, 0.06f, 0.2f};
    assertThat(AttentionEdges.strongest(pattern(last), 3, 0, 4))
        .containsExactly(
            new AttentionEdges.Edge(3, 0, 4, 2, 0.2f), new AttentionEdges.Edge(3, 0, 4, 3, 0.06f));
  }

  @Test
  void strongest_nothingButFaintEdges_keepsTheFirst() {
    float[] last = {0.9f, 0.01f, 0.02f, 0.03f, 0.04f};
    assertThat(AttentionEdges.strongest(pattern(last), 0, 0, 2))
        .containsExactly(new AttentionEdges.Edge(0, 0, 4, 3, 0.03f));
  }

  @Test
  void strongest_twoTokens_hasNone() {
    Activation pattern =
        new Activation(
            "p", List.of(Axis.HEAD, Axis.QUERY, Axis.KEY), new int[] {1, 2, 2}, new float[4]);
    assertThat(AttentionEdges.strongest(pattern, 0, 0, 2)).isEmpty();
  }

  private static Activation pattern(float[] last) {
    int length = last.length;
    float[] values = new float[length * length];
    System.arraycopy(last, 0, values, length * (length - 1), length);
    return new Activation(
        "p", List.of(Axis.HEAD, Axis.QUERY, Axis.KEY), new int[] {1, length, length}, values);
  }
}
