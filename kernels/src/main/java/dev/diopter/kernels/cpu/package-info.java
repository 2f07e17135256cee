/**
 * The CPU backend: weights, keys and values in panels of 16 columns, all cores, the arithmetic of
 * {@code docs/arithmetic.md} to the bit. Start at {@link dev.diopter.kernels.cpu.CpuBackend}; the
 * loops are behind {@code Kernels}, once with the Vector API and once in plain Java. The only
 * package that may import {@code jdk.incubator.vector}, and only its {@code Vector...} classes do.
 *
 * <p>A backend is shared by threads; the kernels are stateless.
 */
@NullMarked
package dev.diopter.kernels.cpu;

import org.jspecify.annotations.NullMarked;
