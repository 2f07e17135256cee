/**
 * The numeric primitives of a transformer on raw buffers, with one implementation for each way to
 * compute them. Start at {@link dev.diopter.kernels.Backend} and {@link
 * dev.diopter.kernels.Backends}. Knows nothing of models.
 */
@NullMarked
package dev.diopter.kernels;

import org.jspecify.annotations.NullMarked;
