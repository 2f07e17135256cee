/**
 * What a layer's stream is used for: taking a part of it away and looking at what that does to the
 * lens's prediction and to the model's. {@link dev.diopter.lens.causal.CausalBases} finds the
 * directions that matter most to a lens, {@link dev.diopter.lens.causal.Alignment} whether the
 * model uses them the same way, {@link dev.diopter.lens.causal.Ablations} makes hook plans.
 * Formulas: {@code docs/causal.md}.
 */
@NullMarked
package dev.diopter.lens.causal;

import org.jspecify.annotations.NullMarked;
