/**
 * What does an attention head attend to? Cells of a head's pattern over many short texts, compared
 * with what would be usual and ranked, drawn or described; and one table of scores over all heads.
 *
 * <p>Start at {@link dev.diopter.lens.attention.AttentionData} for one head and at {@link
 * dev.diopter.lens.attention.HeadTable} for all of them. Everything streams over its corpus and
 * keeps no more than it was asked for; the results of a text do not depend on the texts around it
 * ({@link dev.diopter.lens.attention.ScoreMode#COMPAT} apart, whose point that is). Values are
 * immutable; a class that collects is for one thread.
 */
@NullMarked
package dev.diopter.lens.attention;

import org.jspecify.annotations.NullMarked;
