/** The interpretability tools, written on the engine's public API alone. */
@NullMarked
package dev.diopter.lens;

import org.jspecify.annotations.NullMarked;
