/**
 * Activation patching: values of one run put into another, one place at a time, and what that does
 * to the answer. Sweeps over layers, positions, heads and cells of attention patterns; paths from
 * head to head; edges of attention taken out.
 *
 * <p>Start at {@link dev.diopter.lens.patching.ActivationPatching}. Every cell of a sweep has the
 * bits of a whole run with the same edit; what it shares with other cells is computed once (see
 * {@link dev.diopter.lens.patching.PatchCost}). Values are immutable.
 */
@NullMarked
package dev.diopter.lens.patching;

import org.jspecify.annotations.NullMarked;
