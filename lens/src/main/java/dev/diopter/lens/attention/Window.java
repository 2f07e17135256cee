package dev.diopter.lens.attention;

/**
 * A piece of a text that is run by itself.
 *
 * @param text which text of the corpus, from 0
 * @param start where the window starts in the text's tokens, BOS not counted
 * @param ids what is run, padding included; shared and not to be changed
 * @param length tokens that are no padding
 */
public record Window(int text, int start, int[] ids, int length) {}
