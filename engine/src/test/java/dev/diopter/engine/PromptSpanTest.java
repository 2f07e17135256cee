package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class PromptSpanTest {

  @Test
  void new_impossibleSpan_isRefused() {
    assertThatThrownBy(() -> new PromptSpan(-1, 3, 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new PromptSpan(4, 3, 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new PromptSpan(0, 3, -1)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void lastOf_steps_isTheLastPositionThatIsComputed() {
    PromptSpan span = new PromptSpan(2, 5, 3);
    assertThat(span.lastOf(Steps.PROMPT)).isEqualTo(4);
    assertThat(span.lastOf(Steps.ALL)).isEqualTo(7);
    assertThat(span.lastOf(Steps.of(0, 2))).isEqualTo(6);
    assertThat(span.lastOf(Steps.of(1, 9))).isEqualTo(5);
    assertThat(new PromptSpan(5, 5, 0).lastOf(Steps.ALL)).isEqualTo(-1);
  }

  @Test
  void stepOf_position_isItsPass() {
    PromptSpan span = new PromptSpan(2, 5, 3);
    assertThat(new int[] {span.stepOf(4), span.stepOf(5), span.stepOf(7)}).containsExactly(0, 1, 3);
  }
}
