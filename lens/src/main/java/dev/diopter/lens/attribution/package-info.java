/**
 * What writes what into the residual stream, and what that does to a logit: the stream as it
 * accumulates, and its parts by layer, head and neuron, under TransformerLens's labels; and direct
 * logit attribution of each.
 *
 * <p>Start at {@link dev.diopter.lens.attribution.ResidualParts} for the parts and at {@link
 * dev.diopter.lens.attribution.LogitDirection} for what they do. Values are immutable.
 */
@NullMarked
package dev.diopter.lens.attribution;

import org.jspecify.annotations.NullMarked;
