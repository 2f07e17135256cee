/**
 * Patchscope: a vector of one prompt's pass, mapped, written into the pass of another prompt or
 * another model, and what that pass then says. {@link dev.diopter.lens.patchscope.Patch} says what
 * goes where, {@link dev.diopter.lens.patchscope.Sweep} makes many of one, {@link
 * dev.diopter.lens.patchscope.Patchscope} checks, estimates and runs them: clean passes once, all
 * patches together, to the bit as each alone. Specifications are values; nothing is global.
 */
@NullMarked
package dev.diopter.lens.patchscope;

import org.jspecify.annotations.NullMarked;
