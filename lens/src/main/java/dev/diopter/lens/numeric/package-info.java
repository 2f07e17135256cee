/**
 * Numerical methods that several tools share: a minimiser of smooth functions, eigenvectors of
 * symmetric matrices, and functions of the gamma family. Everything in double, on one thread,
 * without state.
 */
@NullMarked
package dev.diopter.lens.numeric;

import org.jspecify.annotations.NullMarked;
