/**
 * Logit lens and tuned lens: what each layer would predict if it were the last. A {@link
 * dev.diopter.lens.tuned.Lens} maps a residual stream to what the model's own final norm and head
 * can read; {@link dev.diopter.lens.tuned.Unembedding} is that norm and head. Formulas, file
 * formats and the names of the Python package: {@code docs/tuned-lens.md}.
 *
 * <p>Lenses are immutable and shared by threads.
 */
@NullMarked
package dev.diopter.lens.tuned;

import org.jspecify.annotations.NullMarked;
