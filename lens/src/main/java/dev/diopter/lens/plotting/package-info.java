/**
 * Trajectories as pictures: matrices of numbers by layer and position with labels and hover tables,
 * drawn as pages, SVG and PNG, or exported for Plotly. Start at {@link
 * dev.diopter.lens.plotting.TrajectoryStatistic}. The names are those of the Python package
 * tuned-lens, so that its users find their way: {@code docs/tuned-lens.md}.
 *
 * <p>Everything is a value.
 */
@NullMarked
package dev.diopter.lens.plotting;

import org.jspecify.annotations.NullMarked;
