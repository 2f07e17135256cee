/**
 * Distances of distributions and running marginals: {@link dev.diopter.lens.statistics.Distances},
 * {@link dev.diopter.lens.statistics.LogitStats} and its {@link
 * dev.diopter.lens.statistics.Dirichlet} fit. Everything in nats and in double.
 */
@NullMarked
package dev.diopter.lens.statistics;

import org.jspecify.annotations.NullMarked;
