/**
 * The numeric primitives of a transformer on raw buffers. Knows nothing of models.
 */
@NullMarked
package dev.diopter.kernels;

import org.jspecify.annotations.NullMarked;
