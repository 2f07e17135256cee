package dev.diopter.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Names and order of processing steps. */
class WeightProcessingTest {

  @Test
  void ofNames_anyOrderAndRepetition_areTheStepsInTheirOrder() {
    WeightProcessing processing =
        WeightProcessing.ofNames(List.of("fold_value_biases", "fold_ln", "fold_ln"));
    assertThat(processing.names()).containsExactly("fold_ln", "fold_value_biases");
    assertThat(processing)
        .isEqualTo(WeightProcessing.of(ProcessingStep.FOLD_LN, ProcessingStep.FOLD_VALUE_BIASES));
    assertThat(WeightProcessing.ofNames(List.of())).isEqualTo(WeightProcessing.NONE);
    assertThat(WeightProcessing.TRANSFORMER_LENS.without(processing).names())
        .containsExactly("center_writing_weights", "center_unembed");
  }

  @Test
  void ofNames_unknownName_saysWhichThereAre() {
    assertThatThrownBy(() -> WeightProcessing.ofNames(List.of("fold_lm")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "expected some of fold_ln, center_writing_weights, center_unembed, fold_value_biases,"
                + " got 'fold_lm'; nearest: fold_ln");
    assertThatThrownBy(() -> WeightProcessing.ofNames(List.of("refactor_factored_attn_matrices")))
        .hasMessageContaining("is not supported")
        .hasMessageContaining("leave it out");
  }
}
