package dev.diopter.lens.attention;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;

/**
 * A head in words, and what they stand on.
 *
 * @param query what was looked at
 * @param prompt what a language model is asked, whether one was or not
 * @param evidence the rows of the prompt as objects
 * @param description the words; null where they were not asked for
 * @param promptTokens estimate, from above, of the tokens that the prompt and the check's prompts
 *     have
 * @param answerTokens the most tokens of all answers
 * @param check how well the description predicts held-out rows; null without a language model, and
 *     where it failed
 * @param checkFailure why the check could not be made, which leaves the description as it is; null
 *     where it was made or not asked for
 * @param totals counts of the scan
 */
public record Description(
    AttentionQuery query,
    String prompt,
    ArrayNode evidence,
    @Nullable String description,
    long promptTokens,
    long answerTokens,
    @Nullable SelfCheck check,
    @Nullable String checkFailure,
    AttentionResult totals) {}
