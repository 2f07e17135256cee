package dev.diopter.engine;

/**
 * Where a prompt stands in its sequence.
 *
 * @param first position of the first row of the pass; what comes before is kept in a cache
 * @param end position behind the last row of the prompt
 * @param newTokens most tokens that may follow
 */
record PromptSpan(int first, int end, int newTokens) {}
