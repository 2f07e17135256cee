/**
 * Prediction trajectories: what a lens says at every layer and position of a prompt, a batch or a
 * patched run, as numbers. {@link dev.diopter.lens.trajectory.Trajectories} computes them layer by
 * layer, for some positions at a time: distributions over the vocabulary are never kept.
 *
 * <p>Results are values; they may be shared by threads where nobody changes their arrays. Formulas:
 * {@code docs/tuned-lens.md}.
 */
@NullMarked
package dev.diopter.lens.trajectory;

import org.jspecify.annotations.NullMarked;
