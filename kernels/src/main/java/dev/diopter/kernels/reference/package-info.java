/**
 * The oracle of the numbers: every operation as one obvious scalar loop nest with sums in {@code
 * double}, rounded to float32 where the operation hands a value over. Slow on purpose. {@link
 * dev.diopter.kernels.reference.ReferenceBackend} has no threads of its own and may be shared.
 */
@NullMarked
package dev.diopter.kernels.reference;

import org.jspecify.annotations.NullMarked;
