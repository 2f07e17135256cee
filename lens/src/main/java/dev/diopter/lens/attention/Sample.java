package dev.diopter.lens.attention;

/**
 * A sampled row of a head's pattern with all of its multiples.
 *
 * @param text which text of the corpus
 * @param start where its window starts
 * @param query which row of the window
 * @param ids the window's ids; shared and not to be changed
 * @param weights attention on keys 0 to {@code query}
 * @param multiples their multiples
 */
public record Sample(
    int text, int start, int query, int[] ids, float[] weights, double[] multiples) {}
