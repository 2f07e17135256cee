/**
 * Attention patterns of many prompts, as files: the layout, names and formats of pattern-lens, so
 * that its readers and pages accept what is written here and the other way round. {@link
 * dev.diopter.lens.patterns.PatternStore} is the folder, {@link
 * dev.diopter.lens.patterns.PatternRecorder} fills it, {@link dev.diopter.lens.patterns.FigureRun}
 * draws it, {@link dev.diopter.lens.patterns.PatternIndex} lists it.
 *
 * <p>Every file appears whole or not at all, {@code prompt.json} last; so whatever was killed, what
 * is there can be used and what is missing is made by the next run.
 */
@NullMarked
package dev.diopter.lens.patterns;

import org.jspecify.annotations.NullMarked;
